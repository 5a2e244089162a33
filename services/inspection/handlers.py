"""Reads DOSSIER and REPORT in batches: hands each batch to the use case of its kind."""

from __future__ import annotations

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage

from services.inspection.usecases import FollowDossiers, FollowOwedReports, FollowPetitions
from shared.batches import Batches, told
from shared.bus import batch_route, raws
from shared.events.dossiers import read_snapshot
from shared.events.owed_reports import SUBJECT_NAMES, read_owed_report
from shared.events.petition_snapshots import read_petition_snapshot
from shared.topology import durable


class InspectionHandlers:
    """Thin: pick, decode, call one use case."""

    def __init__(
        self, dossiers: FollowDossiers, petitions: FollowPetitions, owed: FollowOwedReports, batches: Batches
    ) -> None:
        self._dossiers, self._petitions, self._owed, self._batches = dossiers, petitions, owed, batches

    async def on_dossiers(self, message: NatsMessage) -> None:
        """Apply one batch of snapshots of dossiers in one transaction."""
        await self._batches.follow(raws(message), told(read_snapshot), self._dossiers)

    async def on_petitions(self, message: NatsMessage) -> None:
        """The same for petitions."""
        await self._batches.follow(raws(message), told(read_petition_snapshot), self._petitions)

    async def on_reports(self, message: NatsMessage) -> None:
        """The same for reports that are owed; what else is said of reports is passed over, undecoded."""
        owed = [raw for raw in raws(message) if raw.subject.rpartition(".")[2] in SUBJECT_NAMES]
        await self._batches.follow(owed, told(read_owed_report), self._owed)


def routes(handlers: InspectionHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(
        handlers=(
            batch_route(handlers.on_dossiers, durable("inspection")),
            batch_route(handlers.on_petitions, durable("inspection-petition")),
            batch_route(handlers.on_reports, durable("inspection-report")),
        )
    )
