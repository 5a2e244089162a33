"""Reads the acknowledgements of REPORT in batches; what cannot be read is kept for the operator and refused aloud."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from faststream.nats import NatsRouter
from faststream.nats.annotations import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.reporting.publication.domain import Heard, read_acknowledgement
from services.reporting.publication.usecases import TakeAcknowledgements
from shared.batches import Batches, each_or_all
from shared.bus import batch_route, raws
from shared.dead_letters import DeadLetters
from shared.events.envelope import decode_envelope
from shared.topology import durable

NAME = "reporting-acknowledged"


class AcknowledgementHandlers:
    """Thin: decode, settle what is bad, call one use case."""

    def __init__(self, take: TakeAcknowledgements, dead_letters: DeadLetters) -> None:
        self._take, self._dead_letters, self._batches = take, dead_letters, Batches(dead_letters)

    async def on_acknowledgements(self, message: NatsMessage) -> None:
        """Judge one batch in one transaction; give up alone on what cannot be stored."""
        heard = [(await self._read(raw), raw) for raw in raws(message)]
        await each_or_all(self._take, heard, self._batches.give_up)

    async def _read(self, raw: Msg) -> Heard:
        unit = raw.subject.split(".")[2]
        try:
            return read_acknowledgement(unit, decode_envelope(raw.data))
        except ValueError as reason:
            # kept first: the city is told of a refusal only when the operator can look at it
            await self._dead_letters.keep(raw, reason)
            key = f"\n{raw.metadata.stream}/{raw.metadata.sequence.stream}"
            return Heard(unit=unit, key=key, problem=f"is no acknowledgement: {reason}"[:500])


def routes(handlers: AcknowledgementHandlers) -> NatsRouter:
    """What publication reads."""
    return NatsRouter(handlers=(batch_route(handlers.on_acknowledgements, durable(NAME)),))


def heard_all(client: Callable[[], Awaitable[Client]]) -> Callable[[], Awaitable[bool]]:
    """Whether every acknowledgement on the stream has been read and settled."""

    async def ask() -> bool:
        one = durable(NAME)
        info = await (await client()).jetstream().consumer_info(one.stream, one.name)
        return not (info.num_pending or info.num_ack_pending)

    return ask
