"""Answer with what a period will probably end with, and with the dossiers that decide it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from services.reporting.foresight import repository
from services.reporting.foresight.domain import (
    INTERVAL,
    DayToCome,
    Foresight,
    PeriodIsOver,
    PeriodNotBegun,
    WorkingDays,
    cases,
    must_finish_by,
    outlook,
)
from shared.clock import Clock
from shared.database import Database
from shared.localtime import local_date
from shared.workdays import Calendar

LEARNS_FROM = timedelta(days=2 * 365)
"""How far back dossiers teach anything about today's office."""


class ForeseePeriod:
    """The rest of a period, from what had happened by a day."""

    def __init__(self, database: Database, clock: Clock, calendar: Calendar) -> None:
        self._database, self._clock, self._calendar = database, clock, calendar

    async def __call__(
        self, unit: str, begin: date, end: date, on: date | None = None, *, limit: int = 20
    ) -> dict[str, Any]:
        """Rate so far, expected at the end with its interval, what must be finished by when, the riskiest open dossiers.

        `so_far`, `expected`, `low` and `high` are shares of 1. Raises `DayToCome`, `PeriodIsOver`, `PeriodNotBegun`,
        `TooLittleHistory`.
        """
        today = local_date(self._clock.now())
        on = on or today
        if on > today:
            raise DayToCome(on, today)
        if on >= end:
            raise PeriodIsOver(end, on)
        if on < begin:
            raise PeriodNotBegun(begin, on)
        async with self._database.transaction() as session:
            rows = await repository.list_spans(session, unit, on, on - LEARNS_FROM)
        between = self._calendar.for_unit(unit).working_days_between
        # seconds of arithmetic for a large unit: not on the loop that hears the bus
        return await asyncio.to_thread(foresee, unit, rows, begin, end, on, between, limit)


def foresee(
    unit: str, rows: Sequence[Any], begin: date, end: date, on: date, between: WorkingDays, limit: int
) -> dict[str, Any]:
    """The forecast as it is shown."""
    of = Foresight(unit, cases(rows, on, between))
    open_ = [one for one in of.known if not one.finished_on]
    risky = sorted(
        ((of.breach(one), one) for one in open_ if one.left is not None), key=lambda r: (-r[0], r[1].due_on, r[1].code)
    )
    return {
        "unit": unit, "from": begin, "to": end, "on": on, **asdict(outlook(of, begin, end, on, between)),
        "interval": INTERVAL, "learned_from": len(of.known) - len(open_), "open": len(open_),
        "broken": sum(one.left is not None and one.left < 0 for one in open_),
        "waiting": sum(one.waiting for one in open_),
        "must_finish": [{"by": day, "dossiers": count} for day, count in must_finish_by(of, end)],
        "riskiest": [
            {
                "dossier": one.code, "procedure": one.procedure, "field": one.field, "due_on": one.due_on, "age": one.age,
                "left": one.left, "waiting": one.waiting, "breach": round(chance, 3),
            }
            for chance, one in risky if one.left is not None and one.left >= 0
        ][:limit],
    }  # fmt: skip
