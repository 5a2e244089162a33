"""Says a file of records (JSON Lines) on the bus and waits for a receipt of each.

    python say.py nats://centre-10966:PASSWORD@HOST:4222 10966 records.jsonl

Needs nats-py. Ends with 0 when everything is in the journal, with 1 when something was rejected or not answered; in both
cases it may be run again: what the journal has already is answered `duplicate` and counts once.
"""

import asyncio
import json
import sys
from pathlib import Path

import nats

PATIENCE = 30
"""Seconds without a receipt after which the rest is called unanswered."""


async def say(url: str, unit: str, lines: list[str]) -> int:
    inbox = f"_INBOX.centre.{unit}"  # the account hears nothing else
    bus = await nats.connect(url, inbox_prefix=inbox.encode())
    receipts: asyncio.Queue[dict] = asyncio.Queue()

    async def on_receipts(message) -> None:
        for receipt in json.loads(message.data):
            receipts.put_nowait(receipt)

    await bus.subscribe(f"{inbox}.receipts", cb=on_receipts)
    waiting = {}
    for line in filter(str.strip, lines):
        record = json.loads(line)
        kind = record["type"].removeprefix("vn.motcua.onestop.").removesuffix(".v1")
        # no Nats-Msg-Id: the journal knows a repetition by (source, id) and answers it; the bus would swallow it
        stored = await bus.jetstream().publish(
            f"onestop.v1.{unit}.{kind}",
            json.dumps(record, ensure_ascii=False).encode(),
            headers={"Motcua-Receipt-To": f"{inbox}.receipts"},
        )
        waiting[stored.seq] = record["id"]

    counts = {"accepted": 0, "duplicate": 0, "rejected": 0}
    while waiting:
        try:
            receipt = await asyncio.wait_for(receipts.get(), PATIENCE)
        except TimeoutError:
            break
        known = waiting.pop(receipt["sequence"], None)
        if known is None:
            continue  # of an earlier run, or said twice
        counts[receipt["status"]] += 1
        if receipt["status"] == "rejected":
            print(f"{known}: {receipt['field']} {receipt['reason']} ({receipt['advice']})")
    print(", ".join(f"{count} {status}" for status, count in counts.items()), f"and {len(waiting)} unanswered")
    await bus.drain()
    return 1 if counts["rejected"] or waiting else 0


if __name__ == "__main__":
    url, unit, path = sys.argv[1:4]
    sys.exit(asyncio.run(say(url, unit, Path(path).read_text("utf-8").splitlines())))
