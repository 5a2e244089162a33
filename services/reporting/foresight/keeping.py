"""The forecast of each unit's running quarter, kept where boards read it.

A board is SQL and a forecast is arithmetic: it is made now and then, and `computed_at` says when.
"""

from __future__ import annotations

import asyncio

from services.reporting.foresight import repository
from services.reporting.foresight.domain import PeriodIsOver, TooLittleHistory
from services.reporting.foresight.usecases import ForeseePeriod
from services.reporting.repository import list_units
from shared.clock import Clock
from shared.database import Database
from shared.localtime import local_date
from shared.periods import PeriodRules, period, quarter_of
from shared.units import Units


class KeepForecasts:
    """The task that looks at every unit once in a while; several processes write the same."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        foresee: ForeseePeriod,
        periods: PeriodRules,
        units: Units,
        *,
        every: float,
    ) -> None:
        self._database, self._clock, self._foresee = database, clock, foresee
        self._periods, self._units, self._every = periods, units, every

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self()
            await asyncio.sleep(self._every)

    async def __call__(self) -> int:
        """One look at every unit of which anything is known; returns how many have a forecast now."""
        async with self._database.transaction() as session:
            units = await list_units(session)
        return sum([await self._keep(unit) for unit in units])

    async def _keep(self, unit: str) -> bool:
        """Keep what the quarter will end with; a unit with too little history gets a row that says nothing."""
        now = self._clock.now()
        code = quarter_of(local_date(now), self._periods)
        days = period(code, self._periods, self._units.get(unit).founded)
        try:
            found = await self._foresee(unit, days.begin, days.end, limit=0)
        except PeriodIsOver:  # its last day: what is left to foresee is over by the evening
            return False
        except TooLittleHistory:
            found = dict.fromkeys(("expected", "low", "high", "must_finish"))
        soon = found["must_finish"]
        async with self._database.transaction() as session:
            await repository.keep(
                session,
                unit=unit,
                days=days,
                bounds=(found["expected"], found["low"], found["high"]),
                must_finish=None if soon is None else sum(one["dossiers"] for one in soon),
                computed_at=now,
            )
        return found["expected"] is not None
