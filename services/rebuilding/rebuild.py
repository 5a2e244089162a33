"""`motcua rebuild`: load, fold, catch up, then under one lock compare, decide and replace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from nats.js import JetStreamContext

from services.backup import Installation
from services.provisioning import DATABASE
from services.rebuilding import filling, shadow
from services.rebuilding.comparing import Compared, compare
from services.rebuilding.leftovers import take_turn
from services.rebuilding.reading import Archive, Heard, Stream, choose, read_each, read_up_to
from services.rebuilding.working import workers
from services.reporting.petitions.usecases import FollowPetitions
from services.reporting.repository import upsert_facts
from shared.database import Database
from shared.events.dossiers import read_snapshot
from shared.events.petition_snapshots import read_petition_snapshot
from shared.periods import load_period_rules
from shared.topology import BATCH
from shared.units import load_units

Tell = Callable[[str, int, int], None]
"""Hears how far the work is: what, how much of it, of how much in all (0 when nobody knows)."""
BEHIND = 5_000
"""Messages that the live service may still have to read: under the lock they are read for it."""

WHY_NOT = {
    "inspection": "its plans are measured from the facts at every change and at every start, and it keeps no sums that could drift; "
    "a rebuild of its facts is not built yet",
    "dossier": "it folds its own journal, which is the original of everything; nothing on the bus knows more",
    "notification": "it keeps what was decided and sent; to do it again would alert people twice",
}


class RebuildRefused(Exception):
    """A rebuild that cannot begin or go on; the live tables are as they were. The message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was read and found, and whether the tables were replaced."""

    source: str
    events: int
    unreadable: int
    dossiers: int
    compared: Compared
    promoted: bool


async def rebuild(
    installation: Installation, service: str, *, dry_run: bool, reason: str | None, tell: Tell
) -> Outcome:
    """Build the service's facts anew; they replace the live ones when equal, or with a `reason` whatever differs.

    Raises `RebuildRefused`; the live tables change in one transaction at the end, or not at all.
    """
    if service != shadow.SERVICE:
        raise RebuildRefused(f"{service} is not rebuilt: {WHY_NOT.get(service, 'there is no such service')}")
    async with (
        installation.admin(DATABASE) as admin,
        installation.bus() as bus,
        _alone(admin),
        shadow.shadow_schema(admin),
        shadow.as_service(installation) as connection,
    ):
        source = await choose(bus, admin)
        rebuilding = _Rebuilding(installation, bus.jetstream(), connection, source, tell)
        return await rebuilding.run(dry_run=dry_run, reason=reason)


@asynccontextmanager
async def _alone(admin: asyncpg.Connection[Any]) -> AsyncIterator[None]:
    if not await take_turn(admin):
        raise RebuildRefused("another rebuild is running; wait for it or stop it")
    yield


class _Here(Database):
    """A database whose transactions are the one that is open: a use case of the service as a part of ours."""

    def __init__(self, session: Any) -> None:
        self._session = session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        yield self._session


class _Rebuilding:
    def __init__(
        self,
        installation: Installation,
        js: JetStreamContext,
        connection: asyncpg.Connection[Any],
        source: Stream | Archive,
        tell: Tell,
    ) -> None:
        self._installation, self._js, self._connection, self._source = installation, js, connection, source
        self._tell, self._at, self._events, self._unreadable = tell, 0, 0, 0

    async def run(self, *, dry_run: bool, reason: str | None) -> Outcome:
        await shadow.copy_tables(self._connection)
        total = await self._fill()
        self._tell("sums and indexes", 0, 0)
        await shadow.finish(self._connection)
        await self._catch_up(await self._source.last())
        async with self._connection.transaction():
            await shadow.hold_still(self._connection)
            await self._last_events()
            compared = await self._compare()
            promoted = not dry_run and (not compared.count or reason is not None)
            if promoted:
                await self._promote(reason, compared)
        return Outcome(
            source=self._source.name,
            events=self._events,
            unreadable=self._unreadable,
            dossiers=total,
            compared=compared,
            promoted=promoted,
        )

    async def _fill(self) -> int:
        """Facts, spans and history of everything said so far; returns of how many dossiers and petitions."""
        last, done, count = await self._source.last(), 0, 0
        shares = await filling.prepare(self._connection, last)
        pieces = [
            (self._installation, self._source.name, shares, after, min(after + filling.PIECE, last))
            for after in range(0, last, filling.PIECE)
        ]
        async with workers(len(pieces)) as pool:
            self._tell("events", 0, last)
            async for loaded in pool.each(filling.load, pieces):
                self._events, self._unreadable = self._events + loaded.events, self._unreadable + loaded.unreadable
                self._tell("events", self._events, last)
            self._tell("facts", 0, shares)
            async for folded in pool.each(filling.fold, [(self._installation, share) for share in range(shares)]):
                done, count = done + 1, count + folded
                self._tell("facts", done, shares)
        self._at = last
        await filling.forget_events(self._connection)
        return count

    def _heard(self, chunk: Sequence[tuple[int, str, bytes]]) -> list[Heard]:
        found, bad = filling.sort_out(chunk)
        self._at = chunk[-1][0]
        self._events, self._unreadable = self._events + len(chunk), self._unreadable + bad
        return found

    async def _catch_up(self, last: int) -> None:
        """What was said meanwhile, by the very code of the live service, in the shadow."""
        async for chunk in self._source.read(self._at, last):
            async with self._connection.transaction():
                await self._follow(shadow.SHADOW, self._heard(chunk))
            self._tell("events said meanwhile", self._at, last)

    async def _last_events(self) -> None:
        """Under the lock: nothing more is applied, so both sets can be brought to the same last event.

        The live tables too: the service will find its next batch known, and what is late about it has to be noted now.
        """
        floor, waiting = await read_up_to(self._js, shadow.SERVICE)
        if waiting > BEHIND or (waiting and isinstance(self._source, Archive)):
            raise RebuildRefused(
                f"{waiting} messages still wait for {shadow.SERVICE}; nothing was replaced, "
                "try again when motcua doctor shows 0"
            )
        last = await self._source.last()
        async for chunk in self._source.read(self._at, last):
            await self._follow(shadow.SHADOW, self._heard(chunk))
        if isinstance(self._source, Stream):
            async for chunk in self._source.read(floor, last):
                await self._follow(shadow.SERVICE, filling.sort_out(chunk)[0])

    async def _follow(self, schema: str, events: Sequence[Heard]) -> None:
        await shadow.enter(self._connection, schema)
        session: Any = self._connection
        for start in range(0, len(events), BATCH):
            batch = events[start : start + BATCH]
            dossiers = read_each((one.body for one in batch if not one.petition), read_snapshot)
            petitions = read_each((one.body for one in batch if one.petition), read_petition_snapshot)
            if dossiers:
                await upsert_facts(session, dossiers)
            if petitions:
                await FollowPetitions(_Here(session), lambda: None)(petitions)

    async def _compare(self) -> Compared:
        rules = self._installation.rules
        return await compare(
            self._connection,
            load_period_rules(rules),
            load_units(rules),
            lambda what: self._tell(f"comparing {what}", 0, 0),
        )

    async def _promote(self, reason: str | None, compared: Compared) -> None:
        self._tell("replacing the live tables", 0, 0)
        try:
            await shadow.promote(self._connection)
        except asyncpg.DependentObjectsStillExistError as error:
            raise RebuildRefused(
                f"something beside a plain view depends on the live tables ({error.detail}); drop it, rebuild, make it again"
            ) from error
        await shadow.note(
            self._connection,
            source=self._source.name,
            events=self._events,
            reason=reason if compared.count else None,
            differences=compared.count,
            shown=compared.shown,
        )
