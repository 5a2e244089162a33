"""What of a span leaves the house: its place in the trace, its times, and attributes that are on the list."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

log = structlog.get_logger()

ATTRIBUTES = frozenset(
    {
        "motcua.correlation",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "db.system",
        "db.name",
        "db.user",
        "db.statement",
        "messaging.system",
        "messaging.operation.type",
        "messaging.destination.name",
        "messaging.consumer.group.name",
        "messaging.batch.message_count",
        "error.type",
    }
)
"""Statements of SQL hold places, never values; addresses, queries and the words of an error may hold a citizen's name."""
SECONDS = 3.0
"""For so long one attempt to send may take; the spans of that time wait, the work does not."""


class DiscreetExporter(SpanExporter):
    """Sends by OTLP what may be known outside, and says once that nobody takes it, however often that happens."""

    def __init__(self, address: str) -> None:
        self._address, self._failing, self._hurried = address, False, False
        self._otlp = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces", timeout=SECONDS)
        for talkative in ("opentelemetry.exporter", "opentelemetry.sdk"):  # a line an attempt, while we say it once
            logging.getLogger(talkative).setLevel("CRITICAL")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send; a failure loses these spans and nothing else."""
        if self._hurried and self._failing:
            return SpanExportResult.FAILURE
        try:
            result = self._otlp.export([_discreet(span) for span in spans])
        except Exception:  # whatever it is, the next spans are tried again
            result = SpanExportResult.FAILURE
        self._note(failing=result is not SpanExportResult.SUCCESS)
        return result

    def hurry(self) -> None:
        """The process ends: after one more failure nothing is tried any more."""
        self._hurried = True

    def shutdown(self) -> None:
        """Close the connection."""
        self._otlp.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing waits here."""
        return True

    def _note(self, *, failing: bool) -> None:
        if failing and not self._failing:
            log.warning("traces_not_sent", doing="trying again; spans of the meantime are lost, nothing else is")
        elif self._failing and not failing:
            log.info("traces_sent_again")
        self._failing = failing


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in ATTRIBUTES},
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
