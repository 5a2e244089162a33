"""Reads DOSSIER in batches: decodes each snapshot alone, hands the batch to one use case."""

from __future__ import annotations

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.inspection.usecases import FollowDossiers
from shared.bus import batch_route, each_or_all, raws
from shared.database import is_transient
from shared.dead_letters import DeadLetters
from shared.events.dossiers import Snapshot, read_snapshot
from shared.events.envelope import decode_envelope
from shared.topology import durable


class InspectionHandlers:
    """Thin: decode, settle what is bad, call one use case."""

    def __init__(self, follow: FollowDossiers, dead_letters: DeadLetters) -> None:
        self._follow, self._dead_letters = follow, dead_letters

    async def on_dossiers(self, bodies: list[bytes], message: NatsMessage) -> None:
        """Apply one batch of snapshots in one transaction; refuse each bad item alone."""
        good = list[tuple[Snapshot, Msg]]()
        for body, raw in zip(bodies, raws(message), strict=True):
            try:
                good.append((read_snapshot(decode_envelope(body)), raw))
            except ValueError as reason:
                await self._give_up(raw, reason)
        await each_or_all(self._follow, good, self._give_up, is_transient=is_transient)

    async def _give_up(self, raw: Msg, reason: Exception) -> None:
        await self._dead_letters.keep(raw, reason)
        await raw.term()


def routes(handlers: InspectionHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(handlers=(batch_route(handlers.on_dossiers, durable("inspection")),))
