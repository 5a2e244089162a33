"""Watches sources: says once that one fell silent, that it was heard again, and each day's card after the day ended."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import structlog

from services.dossier.scorecard import repository
from services.dossier.scorecard.domain import quiet_minutes
from services.dossier.scorecard.metrics import SourceMetrics
from services.dossier.scorecard.repository import Watched
from services.dossier.scorecard.usecases import cards_of
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.envelope import Outgoing, encode_event
from shared.events.said import event_type
from shared.events.sources import SourceCard, SourceEvent, SourceHeardAgain, SourceSilent
from shared.localtime import LOCAL, local_date
from shared.topology import DOSSIER, source_subject
from shared.workdays import Calendar

log = structlog.get_logger()
DAY = timedelta(days=1)
LONGEST_WATCH = timedelta(days=31)
"""After so long without a word nobody waits for a source's daily card."""
SETTLED = timedelta(minutes=5)
"""After midnight, until a batch that began before it has been committed."""


class WatchSources:
    """One look at every source; `waiting` answers what still waits on the bus: a backlog of ours is nobody's silence."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendar: Calendar,
        metrics: SourceMetrics,
        poke: Callable[[], None],
        waiting: Callable[[], Awaitable[int]],
        *,
        silent_after_minutes: int,
    ) -> None:
        self._database, self._clock, self._calendar, self._metrics = database, clock, calendar, metrics
        self._poke, self._waiting, self._silent_after = poke, waiting, silent_after_minutes

    async def run(self, seconds: float) -> None:
        """Look until cancelled."""
        while True:
            await self()
            await asyncio.sleep(seconds)

    async def __call__(self) -> int:
        """Say what is new about every source; returns how many events were said."""
        now, backlog = self._clock.now(), await self._waiting() > 0
        async with self._database.transaction() as session:
            watched = await repository.list_watched(session)
            units = await repository.list_units(session, (one.name for one in watched))
            said = list[Outgoing]()
            for one in watched:
                if unit := next(iter(units.get(one.name, ())), None):
                    said += await self._look_alone(session, one, unit, now, backlog=backlog)
            await outbox.add(session, said)
        if said:
            self._poke()
        return len(said)

    async def _look_alone(
        self, session: Session[Any], one: Watched, unit: str, now: datetime, *, backlog: bool
    ) -> list[Outgoing]:
        """As `_look`; what goes wrong with one source keeps nobody from hearing of the others."""
        try:
            async with session.transaction():
                return await self._look(session, one, unit, now, backlog=backlog)
        except Exception as error:
            log.warning("source_not_watched", source=one.name, reason=str(error))
            return []

    async def _look(
        self, session: Session[Any], one: Watched, unit: str, now: datetime, *, backlog: bool
    ) -> list[Outgoing]:
        calendar = self._calendar.for_unit(unit)
        since, said = self._listen(one, unit, now, calendar, backlog=backlog)
        until, cards = await self._tell_days(session, one, unit, now)
        if (since, until) != (one.silent_since, one.told_until):
            await repository.save_watched(session, one.name, until, since)
        return [*said, *cards]

    def _listen(
        self, one: Watched, unit: str, now: datetime, calendar: Calendar, *, backlog: bool
    ) -> tuple[datetime | None, list[Outgoing]]:
        """(since when it is silent, what is to be said of it)."""
        quiet = quiet_minutes(one.last_recorded_at, now, calendar)
        silent = one.is_live and quiet > self._silent_after
        if one.is_live:
            told = silent and (one.silent_since is not None or not backlog)
            label = self._metrics.label(one.name)
            self._metrics.silent.labels(label).set(told)
            self._metrics.quiet.labels(label).set(quiet * 60)
        if silent and one.silent_since is None and not backlog:
            log.warning("source_silent", source=one.name, minutes=quiet)
            at = min(now, calendar.add_working_minutes(one.last_recorded_at, self._silent_after))
            silence = SourceSilent(
                unit=unit,
                source=one.name,
                since=one.last_recorded_at.astimezone(LOCAL),
                after_minutes=self._silent_after,
            )
            return one.last_recorded_at, [said_of(SourceEvent.SILENT, silence, at)]
        if not silent and one.silent_since is not None:
            log.info("source_heard_again", source=one.name)
            since, until = one.silent_since.astimezone(LOCAL), one.last_recorded_at.astimezone(LOCAL)
            heard = SourceHeardAgain(unit=unit, source=one.name, since=since, until=until)
            return None, [said_of(SourceEvent.HEARD_AGAIN, heard, until)]
        return one.silent_since, []

    async def _tell_days(
        self, session: Session[Any], one: Watched, unit: str, now: datetime
    ) -> tuple[date | None, list[Outgoing]]:
        """(the last day that was told, the cards of the days that ended since)."""
        ended = local_date(now - SETTLED) - DAY
        if one.told_until is not None and one.told_until >= ended:
            return one.told_until, []
        begin = one.told_until + DAY if one.told_until else await repository.find_first_day(session, one.name)
        if begin is None or begin > ended:
            return one.told_until, []
        begin = max(begin, ended - LONGEST_WATCH)
        end = min(ended, local_date(one.last_recorded_at + LONGEST_WATCH)) if one.is_live else ended
        cards = await cards_of(session, one.name, begin, end, self._calendar, now) if begin <= end else []
        told = [card for card in cards if one.is_live or card.accepted or card.duplicate or card.rejected]
        return ended, [
            said_of(
                SourceEvent.SCORECARD,
                msgspec.convert({**asdict(card), "unit": unit, "source": one.name}, SourceCard),
                now,
                key=str(card.day),
            )
            for card in told
        ]


def said_of(
    event: SourceEvent, data: SourceSilent | SourceHeardAgain | SourceCard, at: datetime, key: str | None = None
) -> Outgoing:
    """One event about a source; its id is the same whenever the same thing is said again."""
    # a source names itself: its name may hold what an id in a header must not
    digest = hashlib.sha256(data.source.encode()).hexdigest()[:16]
    event_id = f"source/{digest}/{event}/{key or f'{at.timestamp():.0f}'}"
    body = encode_event(
        type=event_type(f"source.{event}"),
        id=event_id,
        source=f"/motcua/dossier/{data.unit}",
        subject=data.source,
        time=at,
        data=data,
    )
    return Outgoing(stream=DOSSIER, subject=source_subject(data.unit, event), id=event_id, body=body)
