"""Reads DOSSIER in batches: hands each batch to the use case of its kind."""

from __future__ import annotations

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage

from services.reporting.petitions.usecases import FollowPetitions
from services.reporting.usecases import FollowDossiers
from shared.batches import Batches, told
from shared.bus import batch_route, raws
from shared.events.dossiers import read_snapshot
from shared.events.petition_snapshots import read_petition_snapshot
from shared.topology import durable


class ReportingHandlers:
    """Thin: decode, call one use case."""

    def __init__(self, dossiers: FollowDossiers, petitions: FollowPetitions, batches: Batches) -> None:
        self._dossiers, self._petitions, self._batches = dossiers, petitions, batches

    async def on_dossiers(self, message: NatsMessage) -> None:
        """Apply one batch of snapshots of dossiers in one transaction."""
        await self._batches.follow(raws(message), told(read_snapshot), self._dossiers)

    async def on_petitions(self, message: NatsMessage) -> None:
        """The same for petitions."""
        await self._batches.follow(raws(message), told(read_petition_snapshot), self._petitions)


def routes(handlers: ReportingHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(
        handlers=(
            batch_route(handlers.on_dossiers, durable("reporting")),
            batch_route(handlers.on_petitions, durable("reporting-petition")),
        )
    )
