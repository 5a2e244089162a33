"""Reads DOSSIER, INSPECTION and REPORT in batches; what no rule wants is not even decoded."""

from __future__ import annotations

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.msg import Msg

from services.notification.domain import event_name
from services.notification.usecases import DecideAlerts, Heard
from shared.batches import Batches
from shared.bus import batch_route, raws
from shared.events.envelope import decode_envelope
from shared.topology import durable


class NotificationHandlers:
    """Thin: pick, decode, call one use case."""

    def __init__(self, decide: DecideAlerts, batches: Batches) -> None:
        self._decide, self._batches = decide, batches

    async def on_events(self, message: NatsMessage) -> None:
        """Decide the alerts of one batch in one transaction."""
        wanted = [raw for raw in raws(message) if self._decide.wants(event_name(raw.subject))]
        await self._batches.follow(wanted, _read, self._decide)


def _read(raw: Msg) -> Heard:
    return event_name(raw.subject), decode_envelope(raw.data)


def routes(handlers: NotificationHandlers) -> NatsRouter:
    """What this service reads."""
    names = (
        "notification",
        "notification-petition",
        "notification-source",
        "notification-inspection",
        "notification-report",
    )
    return NatsRouter(handlers=[batch_route(handlers.on_events, durable(name)) for name in names])
