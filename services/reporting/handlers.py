"""Reads DOSSIER in batches: decodes each snapshot alone, hands the batch to one use case of dossiers or petitions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.reporting.petitions.usecases import FollowPetitions
from services.reporting.usecases import FollowDossiers
from shared.bus import batch_route, each_or_all, raws
from shared.database import is_transient
from shared.dead_letters import DeadLetters
from shared.events.dossiers import read_snapshot
from shared.events.envelope import Envelope, decode_envelope
from shared.events.petition_snapshots import read_petition_snapshot
from shared.topology import durable

Told = TypeVar("Told")


class ReportingHandlers:
    """Thin: decode, settle what is bad, call one use case."""

    def __init__(self, dossiers: FollowDossiers, petitions: FollowPetitions, dead_letters: DeadLetters) -> None:
        self._dossiers, self._petitions, self._dead_letters = dossiers, petitions, dead_letters

    async def on_dossiers(self, bodies: list[bytes], message: NatsMessage) -> None:
        """Apply one batch of snapshots of dossiers in one transaction; refuse each bad item alone."""
        await self._follow(bodies, message, read_snapshot, self._dossiers)

    async def on_petitions(self, bodies: list[bytes], message: NatsMessage) -> None:
        """The same for petitions."""
        await self._follow(bodies, message, read_petition_snapshot, self._petitions)

    async def _follow(
        self,
        bodies: list[bytes],
        message: NatsMessage,
        read: Callable[[Envelope], Told],
        apply: Callable[[Sequence[Told]], Awaitable[None]],
    ) -> None:
        good = list[tuple[Told, Msg]]()
        for body, raw in zip(bodies, raws(message), strict=True):
            try:
                good.append((read(decode_envelope(body)), raw))
            except ValueError as reason:
                await self._give_up(raw, reason)
        await each_or_all(apply, good, self._give_up, is_transient=is_transient)

    async def _give_up(self, raw: Msg, reason: Exception) -> None:
        await self._dead_letters.keep(raw, reason)
        await raw.term()


def routes(handlers: ReportingHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(
        handlers=(
            batch_route(handlers.on_dossiers, durable("reporting")),
            batch_route(handlers.on_petitions, durable("reporting-petition")),
        )
    )
