"""Traces: off, and then nothing of them is loaded, or sent by OTLP to one address; docs/decisions/0049-traces.md.

The correlation id (`shared/correlation.py`) does not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from nats.aio.msg import Msg

from shared.events.envelope import Outgoing
from shared.settings import ServiceSettings

log = structlog.get_logger()


class Tracing(Protocol):
    """What a service needs of traces; one for a process, whose libraries' own spans (HTTP, SQL) it collects too."""

    def reading(self, messages: Sequence[Msg]) -> AbstractContextManager[None]:
        """Around the work on one batch."""
        ...

    def publishing(self, events: Sequence[Outgoing]) -> AbstractContextManager[None]:
        """Around the moment in which these events go to the bus."""
        ...

    def traceparent(self) -> str:
        """Of the span in hand, as W3C writes it; empty when there is none."""
        ...

    async def start(self) -> None:
        """Begin to collect and to send."""

    async def stop(self) -> None:
        """Send what is left; an address that does not answer holds nobody up."""


class NoTracing:
    """Off."""

    def reading(self, messages: Sequence[Msg]) -> AbstractContextManager[None]:
        """Nothing is noted."""
        return nullcontext()

    def publishing(self, events: Sequence[Outgoing]) -> AbstractContextManager[None]:
        """Nothing is noted."""
        return nullcontext()

    def traceparent(self) -> str:
        """There is none."""
        return ""

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""


def tracing_of(settings: ServiceSettings, process: str) -> Tracing:
    """Traces of a process under its name, as the settings want them; an address that is none is said and leaves them off."""
    if not settings.traces:
        return NoTracing()
    address = urlsplit(settings.traces)
    if address.scheme not in ("http", "https") or not address.hostname:
        log.error("traces_off", reason="MOTCUA_TRACES is no address", advice="write it like http://collector:4318")
        return NoTracing()
    from shared.otlp import OtlpTracing  # a tenth of a second and some megabytes, for those who asked for it

    return OtlpTracing(settings.traces, settings.traces_share, process)
