"""Traces by OpenTelemetry: what a batch, a publication and a statement of SQL belong to, sent by OTLP over HTTP.

One trace goes with one record, from its door or the centre's own `traceparent` to the last reader of its events; events
carry it in their envelope (CloudEvents' distributed tracing extension), so it survives the outbox and its archive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from nats.aio.msg import Msg
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.correlation import TRACEPARENT, Cause, caused_by
from shared.events.envelope import Outgoing, marks_of
from shared.otlp_export import DiscreetExporter
from shared.topology import BATCH
from shared.version import VERSION

CORRELATION = "motcua.correlation"
WAITING_SPANS = 16_384
"""Spans that wait to be sent; what comes on top is dropped, for nobody's receipt waits for a trace."""
_w3c = TraceContextTextMapPropagator()


class OtlpTracing:
    """On: sends the spans of a process; `share` of what begins here is traced, the rest follows its sender's choice."""

    def __init__(self, address: str, share: float, process: str) -> None:
        self._exporter = DiscreetExporter(address)
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": process, "service.version": VERSION}),
            sampler=ParentBased(root=_BegunByWork(share)),
            span_limits=SpanLimits(max_links=BATCH),
            shutdown_on_exit=False,
        )
        self._tracer = self._provider.get_tracer("motcua", VERSION)
        self._sql = AsyncPGInstrumentor()

    async def start(self) -> None:
        """Begin to send, and to collect what FastAPI and asyncpg can say themselves."""
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, max_queue_size=WAITING_SPANS, schedule_delay_millis=1000)
        )
        trace.set_tracer_provider(self._provider)
        self._sql.instrument(tracer_provider=self._provider)

    async def stop(self) -> None:
        """Send what is left; an address that does not answer holds the stop up by a few seconds at most."""
        self._sql.uninstrument()
        self._exporter.hurry()
        await asyncio.to_thread(self._provider.shutdown)

    def traceparent(self) -> str:
        """Of the span in hand, as W3C writes it; empty when there is none."""
        return _written(trace.get_current_span())

    @contextmanager
    def publishing(self, events: Sequence[Outgoing]) -> Iterator[None]:
        """One span for an atomic batch, in the trace of its events; none for events that no trace waits for."""
        origins = [origin for one in events if (origin := _read(marks_of(one.body).traceparent)) is not None]
        if not origins:
            yield
            return
        attributes = {"messaging.operation.type": "send", "messaging.destination.name": events[0].stream}
        with self._span(f"publish {events[0].stream}", SpanKind.PRODUCER, origins, len(events), attributes):
            yield

    @contextmanager
    def reading(self, messages: Sequence[Msg]) -> Iterator[None]:
        """One span for a batch. It continues the trace that all its items share; else each item has a span of its own
        in its own trace, and the batch's span, in a trace beside them, is linked with all of these.
        """
        where = messages[0].metadata
        name = f"process {where.consumer}"
        attributes = {
            "messaging.operation.type": "process",
            "messaging.destination.name": where.stream,
            "messaging.consumer.group.name": where.consumer,
        }
        marks = [marks_of(one.data) for one in messages]
        origins = [
            _read((one.headers or {}).get(TRACEPARENT) or mark.traceparent)
            for one, mark in zip(messages, marks, strict=True)
        ]
        if len(messages) == 1 or (all(origins) and len({one.trace_id for one in origins if one}) == 1):
            shared = [one for one in origins if one]
            if len(named := {mark.correlation for mark in marks}) == 1:
                attributes[CORRELATION] = named.pop()
            with (
                self._span(name, SpanKind.CONSUMER, shared, len(messages), attributes) as span,
                caused_by(Cause(traceparent=_written(span))),
            ):
                yield
            return
        by_correlation = {mark.correlation: origin for mark, origin in zip(marks, origins, strict=True)}
        items = {
            id: self._tracer.start_span(name, _after(origin), SpanKind.CONSUMER, {**attributes, CORRELATION: id})
            for id, origin in by_correlation.items()
        }
        try:
            beside = [item.get_span_context() for item in items.values()]
            with (
                self._span(name, SpanKind.CONSUMER, beside, len(messages), attributes) as span,
                caused_by(Cause(traceparents={id: _written(item) for id, item in items.items()})),
            ):
                for item in items.values():
                    item.add_link(span.get_span_context())
                yield
        finally:
            for item in items.values():
                item.end()

    @contextmanager
    def _span(
        self, name: str, kind: SpanKind, origins: Sequence[SpanContext], count: int, attributes: Mapping[str, str]
    ) -> Iterator[Span]:
        """A span in the trace that its origins share; without one it begins a trace and is linked with them."""
        parent = origins[0] if len({one.trace_id for one in origins}) == 1 else None
        with self._tracer.start_as_current_span(
            name,
            _after(parent),
            kind,
            {**attributes, "messaging.system": "nats", "messaging.batch.message_count": count},
            [Link(one) for one in {one.span_id: one for one in origins}.values() if one != parent],
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                with structlog.contextvars.bound_contextvars(trace=f"{span.get_span_context().trace_id:032x}"):
                    yield span
            except Exception as error:  # by its kind alone: its words may be a citizen's
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


class _BegunByWork(TraceIdRatioBased):
    """A share of what begins here. SQL begins no trace: timers look into the tables every second, for ever."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        *others: Any,
        **more: Any,
    ) -> SamplingResult:
        """Asked only for a span that has no parent."""
        if kind is SpanKind.CLIENT:
            return ALWAYS_OFF.should_sample(parent_context, trace_id, name, kind, *others, **more)
        return super().should_sample(parent_context, trace_id, name, kind, *others, **more)


def _read(traceparent: str) -> SpanContext | None:
    """Where a record or an event comes from; what is no `traceparent` is passed over."""
    found = trace.get_current_span(_w3c.extract({TRACEPARENT: traceparent}, Context())).get_span_context()
    return found if found.is_valid else None


def _written(span: Span) -> str:
    carrier = dict[str, str]()
    _w3c.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier.get(TRACEPARENT, "")


def _after(origin: SpanContext | None) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(origin), Context()) if origin else Context()
