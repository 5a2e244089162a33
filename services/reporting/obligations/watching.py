"""Open what is owed, say once what falls due and what is late, and follow the unit's own reports to the city.

Every step may be cut off and repeated, by any number of processes: what was said is noted in the transaction that says it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from services.reporting.obligations import repository
from services.reporting.obligations.domain import CANCELLED, OPENED, Owed, is_watched, owed_between
from services.reporting.obligations.repository import Row
from services.reporting.obligations.rules import Obligations
from services.reporting.obligations.saying import said
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.envelope import Outgoing
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date, start_of_day
from shared.periods import PeriodRules
from shared.units import Units
from shared.workdays import Calendar

log = structlog.get_logger()


class WatchObligations:
    """The task that looks once a moment; `backlog` is what it still has to do at this hour."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        book: Obligations,
        calendar: Calendar,
        units: Units,
        periods: PeriodRules,
        poke: Callable[[], None],
        *,
        stale_after: int,
        every: float,
    ) -> None:
        self._database, self._clock, self._book, self._calendar = database, clock, book, calendar
        self._units, self._periods, self._poke = units, periods, poke
        self._stale_after, self._every = stale_after, every
        self._opened = dict[str, date]()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self()
            await asyncio.sleep(self._every)

    async def backlog(self) -> int:
        """Units not looked at today, and owed reports of which something has to be said."""
        today = local_date(self._clock.now())
        async with self._database.transaction() as session:
            return len(await self._unopened(session, today)) + await repository.count_undone(session, today)

    async def __call__(self) -> int:
        """One look; returns how many events it said."""
        now = self._clock.now()
        today = local_date(now)
        async with self._database.transaction() as session:
            waiting = await self._unopened(session, today)
        count = 0
        for unit in waiting:
            count += await self._say(lambda session, unit=unit: self._open(session, unit, now))  # type: ignore[misc]
            self._opened[unit] = today
        # what was sent in time is noted before anybody is called late
        count += await self._say(self._follow)
        count += await self._say(lambda session: self._call(session, now))
        return count

    async def _say(self, step: Callable[[Session[Any]], Any]) -> int:
        async with self._database.transaction() as session:
            events: list[Outgoing] = await step(session)
            if events:
                await outbox.add(session, events)
        if events:
            self._poke()
        return len(events)

    async def _unopened(self, session: Session[Any], today: date) -> list[str]:
        known = await repository.list_known_units(session) | self._book.named_units
        return sorted(unit for unit in known if unit in self._units and self._opened.get(unit) != today)

    async def _open(self, session: Session[Any], unit: str, now: datetime) -> list[Outgoing]:
        """Add what is owed by now; what the rules say otherwise since, or not at all any more, is said too."""
        founded, today = self._units.get(unit).founded, local_date(now)
        wanted = {
            one.code: one
            for one in owed_between(self._book, self._periods, self._calendar, unit, founded, founded, today)
        }
        rows = {row["code"]: row for row in await repository.lock_of_unit(session, unit)}
        watched = {code: self._is_watched(one, today) for code, one in wanted.items()}
        added = await repository.add_new(
            session, self._book, [(one, watched[one.code]) for one in wanted.values()], now
        )
        events = [said(self._book, OwedReportEvent.OPENED, row, now) for row in added if row["watched"]]
        for code, row in rows.items():
            if code in wanted:
                events += await self._adjust(session, row, wanted[code], watched[code], now)
            elif row["state"] != CANCELLED:
                changed = await repository.change(session, row, state=CANCELLED.value)
                events += [said(self._book, CANCELLED, changed, now)] if row["watched"] else []
        if added:
            log.info("obligations_opened", unit=unit, count=len(added))
        return events

    async def _adjust(
        self, session: Session[Any], row: Row, owed: Owed, watched: bool, now: datetime
    ) -> list[Outgoing]:
        facts: dict[str, Any] = {
            "field": owed.rung, "due_on": owed.due_on, "remind_on": owed.remind_on, "assumed": owed.assumed,
            "warnings": list(owed.warnings), "begin": owed.period.begin, "end": owed.period.end, "state": OPENED.value,
        }  # fmt: skip
        if all(row[name] == value for name, value in facts.items()):
            return []
        if row["due_on"] != owed.due_on:
            facts |= {"watched": watched, "due_said_at": None}
        changed = await repository.change(session, row, **facts)
        return [said(self._book, OwedReportEvent.RESCHEDULED, changed, now)] if changed["watched"] else []

    def _is_watched(self, owed: Owed, today: date) -> bool:
        calendar = self._calendar.for_unit(owed.unit)
        return is_watched(owed.due_on, owed.period.end, today, calendar, self._stale_after)

    async def _follow(self, session: Session[Any]) -> list[Outgoing]:
        """Move on what the unit's closed, published and acknowledged reports answer; each step is said."""
        events = list[Outgoing]()
        for row in await repository.take_reported(session):
            moments = {name: row.pop(name) for name in ("closed", "closed_last", "published", "acknowledged")}
            events += await self._move_on(session, row, moments)
        return events

    async def _move_on(self, session: Session[Any], row: Row, moments: dict[str, datetime | None]) -> list[Outgoing]:
        closed = moments["closed_last" if row["owed_by_kind"] == "department" else "closed"]
        steps = [(OwedReportEvent.COMPILED, closed)]
        if row["owed_to_kind"] == "city":  # what leaders are handed, a person says
            steps += [
                (OwedReportEvent.SENT, moments["published"]),
                (OwedReportEvent.ACKNOWLEDGED, moments["acknowledged"]),
            ]
        events = list[Outgoing]()
        for event, at in steps:
            if at is None:
                break
            if row[f"{event.value}_at"] is None:
                row = await repository.change(session, row, **moved(event, at))
                events.append(said(self._book, event, row, at))
        return events

    async def _call(self, session: Session[Any], now: datetime) -> list[Outgoing]:
        """Say what falls due today and what is late since its day ended."""
        today, events = local_date(now), list[Outgoing]()
        for row in await repository.take_to_remind(session, today):
            changed = await repository.change(session, row, due_said_at=now)
            events.append(said(self._book, OwedReportEvent.DUE, changed, start_of_day(row["remind_on"])))
        for row in await repository.take_overdue(session, today):
            changed = await repository.change(session, row, late=True, late_said_at=now)
            since = start_of_day(row["due_on"] + timedelta(days=1))
            events.append(said(self._book, OwedReportEvent.LATE, changed, since))
            log.warning("unit_report_late", unit=row["unit"], report=row["code"], due=row["due_on"].isoformat())
        return events


def moved(event: OwedReportEvent, at: datetime) -> dict[str, Any]:
    """What a step of the unit's own report changes in its row; it is handed in when it is sent."""
    values: dict[str, Any] = {"state": event.value, f"{event.value}_at": at}
    return values | ({"handed_in_on": local_date(at)} if event is OwedReportEvent.SENT else {})
