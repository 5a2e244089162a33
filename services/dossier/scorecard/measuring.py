"""Shows each source's card of the day so far as metrics; the day's event and the endpoint show the same card."""

from __future__ import annotations

import asyncio
from datetime import datetime

import structlog

from services.dossier.repository import SourceRow, list_sources
from services.dossier.scorecard.domain import Card
from services.dossier.scorecard.metrics import SourceMetrics
from services.dossier.scorecard.usecases import cards_of
from shared.clock import Clock
from shared.database import Database, is_transient
from shared.localtime import local_date
from shared.workdays import Calendar

log = structlog.get_logger()


class MeasureSources:
    """One card a source that spoke today; whoever did not has a card of zeros, which costs no query."""

    def __init__(self, database: Database, clock: Clock, calendar: Calendar, metrics: SourceMetrics) -> None:
        self._database, self._clock, self._calendar, self._metrics = database, clock, calendar, metrics

    async def run(self, seconds: float) -> None:
        """Look until cancelled."""
        while True:
            await self()
            await asyncio.sleep(seconds)

    async def __call__(self) -> None:
        """Set the figures of every source; one that cannot be read keeps those of before and hides no other."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            sources = await list_sources(session)
        for one in sources:
            try:
                self._metrics.show(one.name, await self._today(one, now))
            except Exception as error:
                if is_transient(error):  # no source is to blame, and the next would fail too
                    raise
                log.exception("source_not_measured", source=one.name)

    async def _today(self, one: SourceRow, now: datetime) -> Card:
        today = local_date(now)
        if local_date(one.last_recorded_at) < today:
            return Card(day=today)
        async with self._database.transaction() as session:
            cards = await cards_of(session, one.name, today, today, self._calendar, now)
        return cards[0] if cards else Card(day=today)
