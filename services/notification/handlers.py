"""Reads DOSSIER, INSPECTION and REPORT in batches; what no rule wants is not even decoded."""

from __future__ import annotations

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.notification.domain import event_name
from services.notification.usecases import DecideAlerts, Heard
from shared.bus import batch_route, each_or_all, raws
from shared.database import is_transient
from shared.dead_letters import DeadLetters
from shared.events.envelope import decode_envelope
from shared.topology import durable


class NotificationHandlers:
    """Thin: pick, decode, settle what is bad, call one use case."""

    def __init__(self, decide: DecideAlerts, dead_letters: DeadLetters) -> None:
        self._decide, self._dead_letters = decide, dead_letters

    async def on_events(self, bodies: list[bytes], message: NatsMessage) -> None:
        """Decide the alerts of one batch in one transaction; refuse each bad item alone."""
        good = list[tuple[Heard, Msg]]()
        for body, raw in zip(bodies, raws(message), strict=True):
            event = event_name(raw.subject)
            if not self._decide.wants(event):
                continue
            try:
                good.append(((event, decode_envelope(body)), raw))
            except ValueError as reason:
                await self._give_up(raw, reason)
        await each_or_all(self._decide, good, self._give_up, is_transient=is_transient)

    async def _give_up(self, raw: Msg, reason: Exception) -> None:
        await self._dead_letters.keep(raw, reason)
        await raw.term()


def routes(handlers: NotificationHandlers) -> NatsRouter:
    """What this service reads."""
    names = ("notification", "notification-petition", "notification-inspection", "notification-report")
    return NatsRouter(handlers=[batch_route(handlers.on_events, durable(name)) for name in names])
