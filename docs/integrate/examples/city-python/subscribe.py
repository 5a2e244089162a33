"""Takes every published report of the city's communes: checks it, keeps its files, acknowledges it.

    python subscribe.py nats://city:PASSWORD@HOST:4222 report-key.pem FOLDER

Needs nats-py, cryptography and rfc8785. May be killed and started again at any moment: a report counts as taken when
`report.json` lies in its folder, and is acknowledged after that. What is not genuine goes to FOLDER/refused and is tried
again at the next start, in case the key was the wrong one.
"""

import asyncio
import base64
import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import nats
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from nats.errors import TimeoutError
from nats.js.errors import NotFoundError

SOURCE = "/city"
RETRY = float(os.environ.get("RETRY_SECONDS", "60"))
"""Seconds until a report is looked at again whose files are not there yet, or are not the ones that were signed."""


class NotGenuine(Exception):
    """The report is not the one that was signed."""


class NotYet(Exception):
    """A file is missing or is another one; it may be mended."""


async def fetch(js, name: str) -> bytes:
    """One object: its description, then its chunks. The account may make no consumer, which the client's `get` would."""
    meta = "$O.REPORTS.M." + base64.urlsafe_b64encode(name.encode()).decode()
    info = json.loads((await js.get_last_msg("OBJ_REPORTS", meta)).data)
    content, last = bytearray(), 0
    while len(content) < info["size"]:
        chunk = await js.get_msg("OBJ_REPORTS", last + 1, f"$O.REPORTS.C.{info['nuid']}", next=True)
        content += chunk.data
        last = chunk.seq
    return bytes(content)


def keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and on the disk before anybody is told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def report_of(body: bytes) -> dict:
    """The report that an event carries; whatever else may stand on the subject is no report."""
    try:
        return dict(json.loads(body)["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotGenuine("is no event about a report") from error


def check_signature(report: dict, key) -> None:
    """Ed25519 over the canonical JSON (RFC 8785) of everything but the signature."""
    try:
        rest = {name: value for name, value in report.items() if name != "signature"}
        key.verify(base64.b64decode(report["signature"], validate=True), rfc8785.dumps(rest))
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise NotGenuine("the signature does not hold for this key") from error


async def take(js, report: dict, key, out: Path) -> None:
    check_signature(report, key)  # before anything that it says is believed
    version = f"{report['unit']} {report['report']} v{report['version']}"
    print(f"taking {version}", flush=True)
    folder = out / report["unit"] / report["period"] / report["form"] / f"v{report['version']}"
    if not (folder / "report.json").exists():
        for file in report["files"]:
            try:
                content = await fetch(js, file["object"])
            except NotFoundError as error:
                raise NotYet(f"{version}: {file['name']} is not in the bucket") from error
            if hashlib.sha256(content).hexdigest() != file["sha256"]:
                raise NotYet(f"{version}: {file['name']} has another checksum than was signed")
            keep(folder / file["name"], content)
        keep(folder / "report.json", rfc8785.dumps(report))  # last: from here on the report is taken
    acknowledgement = {
        "specversion": "1.0",
        "id": f"{SOURCE}/{report['unit']}/{report['report']}/{report['version']}",  # the same however often it is said
        "source": SOURCE,
        "type": "vn.motcua.report.acknowledged.v1",
        "subject": report["report"],
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {name: report[name] for name in ("unit", "form", "period", "version", "fingerprint")},
    }
    await js.publish(
        f"report.v1.{report['unit']}.acknowledged",
        json.dumps(acknowledgement).encode(),
        headers={"Nats-Msg-Id": acknowledgement["id"]},
    )
    print(f"acknowledged {version}", flush=True)


async def handle(js, message, key, out: Path) -> None:
    name = message.subject.split(".")[-1]
    if name in ("published", "restated"):
        try:
            await take(js, report_of(message.data), key, out)
        except NotGenuine as reason:
            keep(out / "refused" / f"{message.metadata.sequence.stream}.json", message.data)
            print(f"REFUSED {message.subject}: {reason}", flush=True)
            await message.term()
            return
        except (NotYet, TimeoutError) as reason:
            print(f"later: {reason}", flush=True)
            await message.nak(delay=RETRY)
            return
    elif name == "acknowledgement_refused":
        print(f"acknowledgement refused: {json.loads(message.data)['data']['reason']}", flush=True)
    await message.ack_sync()


async def retry_refused(js, key, out: Path) -> None:
    for path in sorted((out / "refused").glob("*.json")):
        try:
            await take(js, report_of(path.read_bytes()), key, out)
            path.unlink()
        except (NotGenuine, NotYet, TimeoutError) as reason:
            print(f"still refused: {path.name}: {reason}", flush=True)


async def main(url: str, key_file: Path, out: Path) -> None:
    try:
        key = load_pem_public_key(key_file.read_bytes())  # noqa: ASYNC240 - nothing else runs yet
    except (OSError, ValueError) as error:
        sys.exit(f"{key_file}: {error} (name the public key in PEM that the operator gave you)")
    bus = await nats.connect(url, inbox_prefix=b"_INBOX.city", max_reconnect_attempts=-1)
    js = bus.jetstream()
    await retry_refused(js, key, out)
    feed = await js.pull_subscribe_bind("city", stream="REPORT", inbox_prefix=b"_INBOX.city.")
    print("listening", flush=True)
    while True:
        try:
            messages = await feed.fetch(1, timeout=30)
        except TimeoutError:
            continue  # nothing was said
        for message in messages:
            await handle(js, message, key, out)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
