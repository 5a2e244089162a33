"""What the dossier service ever said, from the beginning: stream DOSSIER, or the service's archive when the stream was wiped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import asyncpg
import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamState

from shared.events.envelope import Envelope, decode_envelope
from shared.topology import DOSSIER, Durable, durables_of

Told = TypeVar("Told")
CHUNK, IN_FLIGHT = 2_000, 3
"""Events of one pull and one COPY, and pulls that are asked for at once: some tens of megabytes, and the bus never waits for us."""
PATIENCE = 30
"""Seconds without any event after which the bus is given up."""


class _Key(msgspec.Struct, frozen=True):
    unit: str
    revision: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    dossier: str = ""
    petition: str = ""


class _Said(msgspec.Struct, frozen=True):
    snapshot: _Key


class _Event(msgspec.Struct, frozen=True):
    data: _Said


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One event: its place in the source, and of what it is which revision."""

    place: int
    petition: bool
    unit: str
    code: str
    revision: int
    body: bytes


def heard(place: int, subject: str, body: bytes) -> Heard | None:
    """An event about a dossier or petition, or `None`: about a source, or not to be read, as the services found too."""
    family = subject.partition(".")[0]
    if family not in ("dossier", "petition"):
        return None
    try:
        key = _decode(body).data.snapshot
    except (ValueError, RecursionError):
        return None
    petition = family == "petition"
    code = key.petition if petition else key.dossier
    if "\0" in key.unit + code:  # no text for PostgreSQL, so the service could not take it either
        return None
    return Heard(place=place, petition=petition, unit=key.unit, code=code, revision=key.revision, body=body)


def read_each(bodies: Iterable[bytes], read: Callable[[Envelope], Told]) -> list[Told]:
    """The snapshots of those events that can be read; the service has put the others among its dead letters."""
    found = list[Told]()
    for body in bodies:
        with contextlib.suppress(ValueError):
            found.append(read(decode_envelope(body)))
    return found


class Stream:
    """Stream DOSSIER, read with a consumer of our own; no durable moves."""

    name = "stream DOSSIER"

    def __init__(self, bus: Client) -> None:
        self._bus, self._js = bus, bus.jetstream()

    async def last(self) -> int:
        """The number of the newest event."""
        return int((await self._js.stream_info(DOSSIER)).state.last_seq)

    async def read(self, after: int, upto: int) -> AsyncIterator[list[tuple[int, str, bytes]]]:
        """(number, subject, body) of the events behind `after` up to `upto`, in order, in chunks; `TimeoutError` without an answer."""
        if upto <= after:
            return
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=60,
        )
        consumer = await self._js.add_consumer(DOSSIER, config)
        at, left = after, min(consumer.num_pending or 0, upto - after)
        async with _pulls(self._bus, consumer.name, left) as chunks:
            while left:
                chunk = [(one.metadata.sequence.stream, one.subject, one.data) for one in await chunks()]
                at, left = chunk[-1][0], left - len(chunk)
                yield [one for one in chunk if one[0] <= upto]
                if at >= upto:
                    break
        await self._js.delete_consumer(DOSSIER, consumer.name)


@asynccontextmanager
async def _pulls(bus: Client, consumer: str, count: int) -> AsyncIterator[Callable[[], Awaitable[list[Msg]]]]:
    """Gives a function that returns the next chunk of `count` messages, while the ones behind it are on their way.

    Not `fetch`: it makes a task, a timer and a random name for every single message, three times the rest of the work.
    """
    place, came, more = bus.new_inbox(), list[Msg](), asyncio.Event()
    asked = taken = 0

    async def take(message: Msg) -> None:
        came.append(message)
        more.set()

    async def ask() -> None:
        nonlocal asked
        while asked < min(count, taken + IN_FLIGHT * CHUNK):
            batch = min(CHUNK, count - asked)
            await bus.publish(f"$JS.API.CONSUMER.MSG.NEXT.{DOSSIER}.{consumer}", b'{"batch":%d}' % batch, reply=place)
            asked += batch

    async def chunk() -> list[Msg]:
        nonlocal taken
        await ask()
        wanted = min(CHUNK, count - taken)
        while len(came) < wanted:
            more.clear()
            async with asyncio.timeout(PATIENCE):
                await more.wait()
        found = came[:wanted]
        del came[:wanted]
        taken += wanted
        if any(JetStreamContext.is_status_msg(one) for one in found):
            raise ConnectionError("the bus gave up a read of stream DOSSIER; try again")
        return found

    # what is on its way is bounded by the pulls, not by the client, which would throw away what is too much for it
    subscription = await bus.subscribe(place, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)
    try:
        yield chunk
    finally:
        await subscription.unsubscribe()


class Archive:
    """The dossier service's outbox, which keeps every event: for a bus that was wiped."""

    name = "the archive of the dossier service"

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def last(self) -> int:
        """The number of the newest event."""
        return int(await self._connection.fetchval("SELECT coalesce(max(id), 0) FROM dossier.outbox") or 0)

    async def read(self, after: int, upto: int) -> AsyncIterator[list[tuple[int, str, bytes]]]:
        """As `Stream.read`."""
        while rows := await self._connection.fetch(
            """
            SELECT id, subject, body FROM dossier.outbox WHERE stream = $1 AND id > $2 AND id <= $3
            ORDER BY id LIMIT $4
            """,
            DOSSIER,
            after,
            upto,
            CHUNK,
        ):
            yield [(row["id"], row["subject"], row["body"]) for row in rows]
            after = rows[-1]["id"]


async def choose(bus: Client, dossier: asyncpg.Connection[Any]) -> Stream | Archive:
    """The stream when it is whole; `dossier` is a connection that may read the dossier service's outbox."""
    state = (await bus.jetstream().stream_info(DOSSIER)).state
    said = await dossier.fetchval(
        "SELECT count(*) FROM dossier.outbox WHERE stream = $1 AND published_at IS NOT NULL", DOSSIER
    )
    return Stream(bus) if _whole(state, int(said or 0)) else Archive(dossier)


def _whole(state: StreamState, said: int) -> bool:
    return state.messages >= said and (state.first_seq or 0) <= 1 and not state.num_deleted


async def read_up_to(js: JetStreamContext, service: str) -> tuple[int, int]:
    """Up to which number of the stream a service has surely applied everything, and how many messages wait for it."""
    floors, waiting = list[int](), 0
    for one in _followed(service):
        last = int((await js.stream_info(one.stream)).state.last_seq)
        info = await js.consumer_info(one.stream, one.name)
        pending = (info.num_pending or 0) + (info.num_ack_pending or 0)
        # a filtered consumer's floor stays at its last own message: with nothing pending it is as far as the stream
        floors.append(last if not pending else int(info.ack_floor.stream_seq) if info.ack_floor else 0)
        waiting += pending
    return min(floors), waiting


def _followed(service: str) -> Sequence[Durable]:
    return [one for one in durables_of([service]) if one.stream == DOSSIER]
