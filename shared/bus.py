"""The bus as every service uses it: one broker, one way to publish, one way to retry, one way to give up.

What the stack does when nobody watches is measured in docs/decisions/0004-faststream.md; each workaround names its thread.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit
from uuid import uuid4

import structlog
from faststream import AckPolicy, BaseMiddleware, PublishCommand, StreamMessage
from faststream.exceptions import HandlerException, NackMessage
from faststream.nats import JStream, NatsBroker, NatsRoute, PullSub
from faststream.nats.message import NatsMessage
from faststream.nats.prometheus.middleware import NatsPrometheusMiddleware
from faststream.prometheus import ConsumeAttrs, MetricsSettingsProvider
from faststream.prometheus.middleware import PrometheusMiddleware
from faststream.security import BaseSecurity, SASLPlaintext
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError
from prometheus_client import CollectorRegistry

from shared.events.envelope import Outgoing, marks_of
from shared.fetching import FETCH_TIMEOUT
from shared.topology import BATCH, Durable, inbox_of
from shared.trouble import trouble

log = structlog.get_logger()

DUPLICATE_IN_BATCH = 10201
PUBLISH_TIMEOUT = 5.0
GRACEFUL_TIMEOUT = 20.0
MAX_RETRY_DELAY = 60.0

AsyncHandler = Callable[[NatsMessage], Awaitable[None]]


Reading = Callable[[Sequence[Msg]], AbstractContextManager[None]]
"""What is put around the work on one batch (shared/tracing.py)."""


async def publish(client: Client, events: Sequence[Outgoing]) -> None:
    """Store up to 1,000 events of one stream, all or none; what is stored already counts as stored.

    Raises `APIError` or a timeout when the stream did not take them; the caller publishes again later.
    """
    try:
        await publish_atomically(client, [(one.subject, one.body, {"Nats-Msg-Id": one.id}) for one in events])
    except APIError as refusal:
        if refusal.err_code != DUPLICATE_IN_BATCH:  # we crashed between PubAck and bookkeeping
            raise
        for event in events:
            await client.jetstream().publish(
                event.subject, event.body, timeout=PUBLISH_TIMEOUT, headers={"Nats-Msg-Id": event.id}
            )


async def publish_atomically(client: Client, messages: Sequence[tuple[str, bytes, dict[str, str]]]) -> None:
    """Store (subject, body, headers) in one atomic batch; nothing is visible before the server's last answer.

    Raises `APIError` when the stream refuses it, `nats.errors.TimeoutError` when it does not answer.
    """
    batch, last = uuid4().hex, len(messages)
    for sequence, (subject, body, own) in enumerate(messages, 1):
        headers = {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(sequence), **own}
        if sequence not in (1, last):
            await client.publish(subject, body, headers=headers)
            continue
        commit = {"Nats-Batch-Commit": "1"} if sequence == last else {}
        answer = await client.request(subject, body, timeout=PUBLISH_TIMEOUT, headers=headers | commit)
        if error := json.loads(answer.data or b"{}").get("error"):
            APIError.from_error(error)


def raws(message: StreamMessage[Any]) -> list[Msg]:
    """The raw messages as a list, whether the subscriber reads batches or not."""
    raw = message.raw_message
    return list(raw) if isinstance(raw, (list, tuple)) else [raw]


def trusting(ca: Path) -> ssl.SSLContext:
    """TLS that believes only this authority; raises `OSError` when the file cannot be read, `ssl.SSLError` when it is none."""
    return ssl.create_default_context(cafile=str(ca))


class _Correlations:
    """Under which ids the items of a batch are found; nothing is read of them unless a line is really written."""

    def __init__(self, messages: Sequence[Msg]) -> None:
        self._messages = messages

    def __structlog__(self) -> list[str]:
        return [correlation for one in self._messages if (correlation := marks_of(one.data).correlation)]

    def __repr__(self) -> str:
        return repr(self.__structlog__())


class Correlated(BaseMiddleware[PublishCommand, Any]):
    """Names a batch's items in every line that is logged about it; without it a failed batch would name nobody."""

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> Any:
        """Run the handler with the batch's durable and correlations bound to the log."""
        messages = raws(msg)
        with structlog.contextvars.bound_contextvars(
            durable=messages[0].metadata.consumer, correlations=_Correlations(messages)
        ):
            log.debug("batch_read", count=len(messages))
            return await call_next(msg)


class Retry(BaseMiddleware[PublishCommand, Any]):
    """Delays what failed; without it a failing batch comes back 1,700 times a second (nats-server#2729)."""

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> Any:
        """Run the handler; turn its failure into a negative ack with a growing delay."""
        try:
            return await call_next(msg)
        except HandlerException:  # ack, nack or reject: somebody decided already
            raise
        except Exception as error:
            attempt = max(raw.metadata.num_delivered for raw in raws(msg))
            delay, first = min(MAX_RETRY_DELAY, 0.5 * 2 ** min(attempt - 1, 10)), raws(msg)[0].metadata
            where = {"stream": first.stream, "consumer": first.consumer, "attempt": attempt}
            # the last place where the error is visible: FastStream counts every error behind Retry as a Nack
            if reason := trouble(error):
                log.warning("batch_waits", reason=reason, again_in=delay, **where)
            else:
                log.exception("batch_failed", **where)
            raise NackMessage(delay=delay) from error


class Traced(BaseMiddleware[PublishCommand, Any]):
    """Puts a batch into its trace; the innermost, so that it sees a failure before it becomes a retry.

    FastStream's own links a batch with nothing and makes every subject a span's name: docs/decisions/0049-traces.md.
    """

    def __init__(self, msg: Any, /, *, context: Any, reading: Reading) -> None:
        super().__init__(msg, context=context)
        self._reading = reading

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: StreamMessage[Any]) -> Any:
        """Run the handler inside the batch's span."""
        with self._reading(raws(msg)):
            return await call_next(msg)


class _Settings(MetricsSettingsProvider[Any]):
    """Bounded labels: by default the concrete subject, 3,321 units × events, would become a label."""

    messaging_system = "nats"

    def get_consume_attrs_from_message(self, msg: StreamMessage[Any]) -> ConsumeAttrs:
        first = raws(msg)[0].metadata
        size = sum(len(raw.data) for raw in raws(msg))
        return {
            "destination_name": f"{first.stream}/{first.consumer}",
            "message_size": size,
            "messages_count": len(raws(msg)),
        }

    def get_publish_destination_name_from_cmd(self, cmd: PublishCommand) -> str:
        return ".".join("*" if token.isdigit() else token for token in cmd.destination.split("."))


class _Metrics(NatsPrometheusMiddleware):
    def __init__(self, *, registry: CollectorRegistry, service: str) -> None:
        PrometheusMiddleware.__init__(
            self,
            settings_provider_factory=lambda _: _Settings(),
            registry=registry,
            app_name=service,
        )


class _Complaints:
    """Says that the bus is away once, and again when the reason changes: the client tries every second, for ever."""

    def __init__(self, service: str, on_refused: Callable[[], Awaitable[None]]) -> None:
        self._service, self._on_refused, self._last = service, on_refused, ""

    async def heard(self, error: Exception) -> None:
        """One more failure."""
        reason = str(error) or type(error).__name__
        if reason != self._last:
            self._last = reason
            log.warning("bus_unreachable", service=self._service, reason=reason, doing="trying again every second")
        if "authorization violation" in reason.lower():
            await self._on_refused()

    async def over(self) -> None:
        """The bus is back."""
        self._last = ""
        log.info("bus_reached_again", service=self._service)


def servers_of(url: str) -> list[str]:
    """The servers of a bus: one address, or several with commas between; each carries user and password.

    The servers of a cluster tell a client each other's addresses, but only once it has reached one of them.
    """
    return [one.strip() for one in url.split(",") if one.strip()]


def _without_login(server: str) -> str:
    parts = urlsplit(server)
    if parts.username is None or parts.password is None:
        return server
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def _security(server: str, ca: Path | None) -> BaseSecurity | None:
    """The login apart from the address: a server that another one told the client about has an address without any.

    The client would be refused there, and FastStream ends its attempts to reconnect at the first refusal, in silence.
    """
    parts, tls = urlsplit(server), None if ca is None else trusting(ca)
    if parts.username is None or parts.password is None:
        return None if tls is None else BaseSecurity(ssl_context=tls, use_ssl=True)
    return SASLPlaintext(unquote(parts.username), unquote(parts.password), ssl_context=tls, use_ssl=tls is not None)


def make_broker(
    service: str,
    url: str,
    *,
    registry: CollectorRegistry,
    on_closed: Callable[[], Awaitable[None]],
    on_refused: Callable[[], Awaitable[None]],
    reading: Reading,
    ca: Path | None = None,
) -> NatsBroker:
    """The broker of one service: reconnects for ever, notices a dead connection within a minute, retries with delay.

    `ca` is the authority that must have signed the server's certificate; the connection is then encrypted or fails.
    """
    complaints = _Complaints(service, on_refused)
    return NatsBroker(
        [_without_login(one) for one in servers_of(url)],
        name=service,
        inbox_prefix=inbox_of(service),
        security=_security(servers_of(url)[0], ca),
        error_cb=complaints.heard,
        reconnected_cb=complaints.over,
        max_reconnect_attempts=-1,  # faststream#1538: when attempts run out the pull loop spins without yielding
        reconnect_time_wait=1,
        ping_interval=20,
        max_outstanding_pings=2,
        closed_cb=on_closed,
        pending_size=32 * 1024 * 1024,
        ack_policy=AckPolicy.NACK_ON_ERROR,
        graceful_timeout=GRACEFUL_TIMEOUT,
        middlewares=(_Metrics(registry=registry, service=service), Correlated, Retry, partial(Traced, reading=reading)),
        log_level=logging.DEBUG,
        logger=logging.getLogger("faststream"),
    )


async def raw_bodies(message: NatsMessage) -> Any:
    """Hand over the bytes as they came: a typed decoder would let one bad item terminate its whole batch."""
    return message.body


def batch_route(handler: AsyncHandler, durable: Durable) -> NatsRoute:
    """Read one durable in batches; stream and durable are `topology.ensure`'s, never declared here (faststream#1830)."""
    return NatsRoute(
        handler,
        durable.subject,
        stream=JStream(durable.stream, declare=False),
        durable=durable.name,
        inbox_prefix=f"{inbox_of(durable.service)}.".encode(),  # the connection's own prefix is not asked
        pull_sub=PullSub(batch=True, batch_size=BATCH, timeout=FETCH_TIMEOUT),
        decoder=raw_bodies,
    )
