"""The two ways of a live centre: batches over HTTP, or one by one on the bus with the centre's own account."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client as Bus
from nats.aio.msg import Msg
from nats.errors import Error as BusError

from services.cli.client import Client, CommandFailed
from shared.events.envelope import BATCH_TYPE
from shared.events.records import Record, encode_record
from shared.topology import RECEIPT_TO, onestop_subject

PATIENCE = 30
"""Seconds without a receipt after which the rest of a batch is called unanswered."""

Verdicts = Counter[str]


class Sender(Protocol):
    """Says statements and tells what was answered."""

    def send(self, statements: Sequence[Record]) -> Verdicts:
        """How many were `accepted`, `duplicate`, `rejected`, `unanswered`."""

    def close(self) -> None:
        """Give the connection back."""


class HttpSender:
    """Batches to `POST /v1/records`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, statements: Sequence[Record]) -> Verdicts:
        """See `Sender`."""
        body = b"[" + b",".join(map(encode_record, statements)) + b"]"
        answer = self._client.post("/v1/records", content=body, media_type=BATCH_TYPE)
        return Counter({name: answer[name] for name in ("accepted", "duplicate", "rejected")})

    def close(self) -> None:
        """See `Sender`."""


class BusSender:
    """Publishes as any vendor would (docs/integrate/README.md): no `Nats-Msg-Id`, a receipt for each in the account's inbox."""

    def __init__(self, url: str, unit: str, ca: Path | None) -> None:
        self._runner = asyncio.Runner()  # its loop lives from one batch to the next; Ctrl-C ends the batch in hand
        self._inbox = f"_INBOX.centre.{unit}"
        self._receipts: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        try:
            self._bus = self._runner.run(self._connect(url, ca))
        except (BusError, OSError, TimeoutError, ssl.SSLError) as error:
            self._runner.close()
            raise CommandFailed(f"the bus at {_shown(url)} cannot be used: {error}") from error

    async def _connect(self, url: str, ca: Path | None) -> Bus:
        tls = ssl.create_default_context(cafile=ca) if ca else None
        bus = await nats.connect(
            url, inbox_prefix=self._inbox.encode(), tls=tls, allow_reconnect=False, error_cb=_ignore
        )
        await bus.subscribe(f"{self._inbox}.receipts", cb=self._hear)
        return bus

    async def _hear(self, message: Msg) -> None:
        for receipt in json.loads(message.data):
            self._receipts.put_nowait(receipt)

    def send(self, statements: Sequence[Record]) -> Verdicts:
        """See `Sender`."""
        try:
            return self._runner.run(self._send(statements))
        except BusError as error:
            raise CommandFailed(f"the bus did not take a statement: {error}", code=1) from error

    async def _send(self, statements: Sequence[Record]) -> Verdicts:
        stream, headers = self._bus.jetstream(), {RECEIPT_TO: f"{self._inbox}.receipts"}
        said = await asyncio.gather(
            *(
                stream.publish(onestop_subject(one.unit, str(one.kind)), encode_record(one), headers=headers)
                for one in statements
            )
        )
        waiting, verdicts = {stored.seq for stored in said}, Counter[str]()
        with suppress(TimeoutError):
            while waiting:
                receipt = await asyncio.wait_for(self._receipts.get(), PATIENCE)
                if receipt["sequence"] in waiting:  # others are of an earlier batch, or said twice
                    waiting.discard(receipt["sequence"])
                    verdicts[str(receipt["status"])] += 1
        verdicts["unanswered"] += len(waiting)
        return verdicts

    def close(self) -> None:
        """See `Sender`."""
        with suppress(BusError):
            self._runner.run(self._bus.drain())
        self._runner.close()


async def _ignore(_: Exception) -> None:
    """What went wrong is raised where it happened; the library would print it a second time."""


def _shown(url: str) -> str:
    """The address without what stands before it: a password must not reach a screen."""
    return urlsplit(url).netloc.rpartition("@")[2] or "that address"
