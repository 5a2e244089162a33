"""The part of the bus that cannot be made from the database, and the part that can.

Every event stands in its service's outbox. What does not: dead letters, records and acknowledgements that lie on the bus
unread, and what operators configured beside shared/topology.py.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.errors import NotFoundError

from services.backup.folder import MESSAGES, STREAMS
from services.backup.installation import Tell
from shared import topology
from shared.bus import publish_atomically
from shared.topology import BATCH, DEAD

UNREAD = (topology.durable("dossier"), topology.durable("reporting-acknowledged"))
"""Durables of what others say: what they have not read yet is in no table."""
_OURS = (*topology.STREAMS, f"OBJ_{topology.REPORTS}")
_DURABLES = {(one.stream, one.name) for one in (*topology.DURABLES, topology.CITY_DURABLE)}


async def save_bus(bus: Client, folder: Path, tell: Tell) -> dict[str, int]:
    """Write the streams' configuration and the messages that only the bus has; says how many of each stream."""
    js = bus.jetstream()
    (folder / STREAMS).write_text(json.dumps(await _configuration(js), indent=1, default=str) + "\n", "utf-8")
    kept = Counter[str]()
    with (folder / MESSAGES).open("w", encoding="utf-8") as file:
        for stream, subject, first in await _wanted(js):
            async for message in _messages(js, stream, subject, first, tell):
                file.write(json.dumps({"stream": stream, **message}) + "\n")
                kept[stream] += 1
    return dict(kept)


async def _configuration(js: JetStreamContext) -> list[dict[str, Any]]:
    return [
        {
            "config": one.config.as_dict(),
            "consumers": [
                found.config.as_dict()
                for found in await js.consumers_info(str(one.config.name))
                if found.config.durable_name
            ],
        }
        for one in await js.streams_info()
    ]


async def _wanted(js: JetStreamContext) -> list[tuple[str, str, int]]:
    """(stream, subject, first number) of what to keep."""
    wanted = [(DEAD, "dead.v1.*", 1)]
    for one in UNREAD:
        floor = (await js.consumer_info(one.stream, one.name)).ack_floor
        wanted.append((one.stream, one.subject, (floor.stream_seq if floor else 0) + 1))
    return wanted


async def _messages(
    js: JetStreamContext, stream: str, subject: str, first: int, tell: Tell
) -> AsyncIterator[dict[str, Any]]:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first, ack_policy=AckPolicy.NONE
    )
    reader = await js.pull_subscribe(subject, stream=stream, config=config)
    try:
        # what comes in while we read belongs to the next backup
        left = total = int((await reader.consumer_info()).num_pending or 0)
        while left:
            for one in await reader.fetch(min(left, BATCH), timeout=10):
                body = base64.b64encode(one.data).decode()
                yield {"subject": one.subject, "headers": one.headers or {}, "body": body}
                left -= 1
            tell(f"bus: {stream}", total - left, total)
    finally:
        await reader.unsubscribe()


async def is_empty(bus: Client) -> bool:
    """True when no stream of ours holds a message; streams that are not there hold none."""
    js = bus.jetstream()
    for name in _OURS:
        try:
            if (await js.stream_info(name)).state.messages:
                return False
        except NotFoundError:
            continue
    return True


async def clear(bus: Client) -> None:
    """Delete our streams with everything in them."""
    js = bus.jetstream()
    for name in _OURS:
        try:
            await js.delete_stream(name)
        except NotFoundError:
            continue


async def read_again(bus: Client) -> None:
    """Forget how far every durable of ours has read: made anew, it begins at the first message that is still there."""
    js = bus.jetstream()
    for stream, name in sorted(_DURABLES):
        try:
            await js.delete_consumer(stream, name)
        except NotFoundError:
            continue


async def put_back_configuration(bus: Client, folder: Path) -> list[str]:
    """Make the streams and durables that operators added beside ours; names them."""
    js, made = bus.jetstream(), list[str]()
    there = {str(one.config.name) for one in await js.streams_info()}
    for saved in json.loads((folder / STREAMS).read_text("utf-8")):
        stream = StreamConfig.from_response(saved["config"])
        name = str(stream.name)
        if name not in there:
            await js.add_stream(stream)
            made.append(name)
        for consumer in map(ConsumerConfig.from_response, saved["consumers"]):
            if (name, consumer.durable_name) not in _DURABLES:
                await js.add_consumer(name, consumer)
                made.append(f"{name}/{consumer.durable_name}")
    return made


async def put_back_messages(bus: Client, folder: Path, total: int, tell: Tell) -> None:
    """Publish the kept messages again, with their headers: a number of a dead letter may change, nothing else."""
    with (folder / MESSAGES).open(encoding="utf-8") as file:
        done = 0
        for batch in _batches(map(json.loads, file)):
            await publish_atomically(bus, [_outgoing(one) for one in batch])
            done += len(batch)
            tell("bus: kept messages", done, total)


def _batches(messages: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for _, of_stream in groupby(messages, key=lambda one: str(one["stream"])):
        while batch := [one for one, _ in zip(of_stream, range(BATCH), strict=False)]:
            yield batch


def _outgoing(message: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
    # the server wrote the batch's headers into its messages; they would be taken for a part of this batch. Without its id
    # a message that was said twice is refused with its whole batch, and who reads it tells it by the id inside.
    own = {name: value for name, value in message["headers"].items() if not name.startswith("Nats-")}
    return message["subject"], base64.b64decode(message["body"]), own


async def refill(bus: Client, database: asyncpg.Connection[Any], tell: Tell) -> int:
    """Publish every event of every outbox again and have the files of reports stored again; says how many events.

    *database* is an administrator's connection to the system's database. Readers keep the highest revision and notice
    nothing.
    """
    totals = {name: await database.fetchval(f"SELECT count(*) FROM {name}.outbox") for name in topology.SERVICES}
    total, done = sum(totals.values()), 0
    for schema in topology.SERVICES:
        streams = await database.fetch(f"SELECT DISTINCT stream FROM {schema}.outbox ORDER BY stream")
        for stream in [row["stream"] for row in streams]:
            last = 0
            while rows := await database.fetch(
                f"SELECT id, subject, body FROM {schema}.outbox WHERE stream = $1 AND id > $2 ORDER BY id LIMIT $3",
                stream, last, BATCH,
            ):  # fmt: skip
                # without ids: a bus that was wiped but not restarted remembers them for two minutes and would keep nothing
                await publish_atomically(bus, [(row["subject"], row["body"], {}) for row in rows])
                last, done = rows[-1]["id"], done + len(rows)
                tell(f"bus: {stream}", done, total)
    # the files of published reports lay on the bus as well; the service stores them again
    await database.execute("UPDATE reporting.publication SET stored_at = NULL")
    return done
