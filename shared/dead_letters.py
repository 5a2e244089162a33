"""What a service could not take: kept in DEAD with the reason, never lost, never retried for ever."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import CollectorRegistry

from shared.bus import publish
from shared.clock import Clock
from shared.events.envelope import Outgoing, encode_event, marks_of
from shared.metrics import counter
from shared.topology import DEAD, dead_subject

log = structlog.get_logger()
KEPT = "vn.motcua.dead.kept.v1"
MAX_KEPT = 200_000
"""Bytes of the original that a dead letter keeps; enough for any legal message."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was given up: what it was, where it came from, why, and what an operator can do."""

    service: str
    origin: str
    field: str
    reason: str
    advice: str = ""
    body: str
    """The original bytes, base64."""


class DeadLetters:
    """Publishes to DEAD; the original may be settled only after this returned."""

    def __init__(
        self, service: str, client: Callable[[], Awaitable[Client]], clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._service, self._client, self._clock = service, client, clock
        self._kept = counter(registry, "motcua_dead_letters_total", "Messages given up, by service", ["service"])
        self._kept.labels(service)  # at 0 from the start: a series that begins at 1 has not increased, and nobody hears

    async def keep(self, raw: Msg, reason: Exception) -> None:
        """Keep one bus message with the reason; it can be replayed by `motcua deadletter replay`."""
        origin = f"{raw.metadata.stream}/{raw.metadata.sequence.stream} {raw.subject}"
        await self.keep_all([(origin, raw.data, reason)])

    async def keep_all(self, refused: Sequence[tuple[str, bytes, Exception]]) -> None:
        """Keep (origin, bytes, reason) of many; the same refusal again is stored once."""
        letters = [self._letter(origin, body, reason) for origin, body, reason in refused]
        unique = list({letter.id: letter for letter in letters}.values())
        client = await self._client()
        for start in range(0, len(unique), 500):
            await publish(client, unique[start : start + 500])
        self._kept.labels(self._service).inc(len(letters))

    def _letter(self, origin: str, body: bytes, reason: Exception) -> Outgoing:
        said = DeadLetter(
            service=self._service,
            origin=origin,
            field=getattr(reason, "field", ""),
            reason=getattr(reason, "reason", None) or f"{type(reason).__name__}: {reason}",
            advice=getattr(reason, "advice", ""),
            body=base64.b64encode(body[:MAX_KEPT]).decode(),
        )
        key = hashlib.sha256(origin.encode() + b"\0" + body).hexdigest()[:32]
        event_id = f"dead-{self._service}-{key}"
        correlation = marks_of(body).correlation
        named = {"correlation": correlation} if correlation else {}
        log.warning(
            "dead_letter_kept",
            service=self._service,
            origin=origin,
            field=said.field,
            reason=said.reason,
            **named,
        )
        return Outgoing(
            stream=DEAD,
            subject=dead_subject(self._service),
            id=event_id,
            body=encode_event(
                type=KEPT,
                id=event_id,
                source=f"/motcua/{self._service}",
                subject=origin,
                time=self._clock.now(),
                data=said,
                correlation=correlation,
            ),
        )
