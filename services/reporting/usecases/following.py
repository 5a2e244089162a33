"""Follow the dossiers: facts, spans and rollup of one batch in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from services.reporting import repository
from services.reporting.metrics import ReportingMetrics
from shared.database import Database
from shared.events.dossiers import Snapshot


class FollowDossiers:
    """Facts, spans and rollup of one batch in one transaction."""

    def __init__(self, database: Database, metrics: ReportingMetrics, poke_judge: Callable[[], None]) -> None:
        self._database, self._metrics, self._poke_judge = database, metrics, poke_judge

    async def __call__(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep what is newer; the rest changes nothing."""
        async with self._database.transaction() as session:
            changed, late = await repository.upsert_facts(session, snapshots)
        if late:
            self._poke_judge()
        for unit, count in Counter(unit for unit, _ in changed).items():
            self._metrics.facts.labels(unit).inc(count)
