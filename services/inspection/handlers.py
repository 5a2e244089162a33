"""Reads DOSSIER and REPORT in batches: decodes each item alone, hands the batch to one use case of its kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.inspection.usecases import FollowDossiers, FollowOwedReports, FollowPetitions
from shared.bus import batch_route, each_or_all, raws
from shared.database import is_transient
from shared.dead_letters import DeadLetters
from shared.events.dossiers import read_snapshot
from shared.events.envelope import Envelope, decode_envelope
from shared.events.owed_reports import SUBJECT_NAMES, read_owed_report
from shared.events.petition_snapshots import read_petition_snapshot
from shared.topology import durable

Told = TypeVar("Told")


class InspectionHandlers:
    """Thin: decode, settle what is bad, call one use case."""

    def __init__(
        self, dossiers: FollowDossiers, petitions: FollowPetitions, owed: FollowOwedReports, dead_letters: DeadLetters
    ) -> None:
        self._dossiers, self._petitions, self._owed, self._dead_letters = dossiers, petitions, owed, dead_letters

    async def on_dossiers(self, bodies: list[bytes], message: NatsMessage) -> None:
        """Apply one batch of snapshots of dossiers in one transaction; refuse each bad item alone."""
        await self._follow(bodies, raws(message), read_snapshot, self._dossiers)

    async def on_petitions(self, bodies: list[bytes], message: NatsMessage) -> None:
        """The same for petitions."""
        await self._follow(bodies, raws(message), read_petition_snapshot, self._petitions)

    async def on_reports(self, bodies: list[bytes], message: NatsMessage) -> None:
        """The same for reports that are owed; what else is said of reports is passed over, undecoded."""
        told = [
            (body, raw)
            for body, raw in zip(bodies, raws(message), strict=True)
            if raw.subject.rpartition(".")[2] in SUBJECT_NAMES
        ]
        await self._follow([body for body, _ in told], [raw for _, raw in told], read_owed_report, self._owed)

    async def _follow(
        self,
        bodies: Sequence[bytes],
        messages: Sequence[Msg],
        read: Callable[[Envelope], Told],
        apply: Callable[[Sequence[Told]], Awaitable[None]],
    ) -> None:
        good = list[tuple[Told, Msg]]()
        for body, raw in zip(bodies, messages, strict=True):
            try:
                good.append((read(decode_envelope(body)), raw))
            except ValueError as reason:
                await self._give_up(raw, reason)
        await each_or_all(apply, good, self._give_up, is_transient=is_transient)

    async def _give_up(self, raw: Msg, reason: Exception) -> None:
        await self._dead_letters.keep(raw, reason)
        await raw.term()


def routes(handlers: InspectionHandlers) -> NatsRouter:
    """What this service reads."""
    return NatsRouter(
        handlers=(
            batch_route(handlers.on_dossiers, durable("inspection")),
            batch_route(handlers.on_petitions, durable("inspection-petition")),
            batch_route(handlers.on_reports, durable("inspection-report")),
        )
    )
