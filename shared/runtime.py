"""What runs a service: its parts in order, its HTTP door, and an end that finishes the batch in hand.

It is handed built services and imports none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Protocol

import structlog
from fastapi import APIRouter
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.errors import ConnectionReconnectingError
from nats.js.errors import NotFoundError
from prometheus_client import CollectorRegistry

from shared import topology
from shared.bus import make_broker, publish
from shared.clock import Clock, SystemClock
from shared.events.envelope import Outgoing
from shared.fetching import fetch_our_way
from shared.metrics import gauge
from shared.parties import Tokens
from shared.patience import Pauses
from shared.provisioned import wait_until_provisioned
from shared.settings import ServiceSettings
from shared.tracing import NoTracing, Tracing
from shared.trouble import trouble

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything outside a service: settings, the clock, the metrics' registry, the tokens, and the way to die."""

    settings: ServiceSettings
    clock: Clock = field(default_factory=SystemClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    tokens: Tokens = field(default_factory=Tokens)
    on_fatal: Callable[[str], None] = lambda _: None
    tracing: Tracing = field(default_factory=NoTracing)

    @property
    def rules(self) -> Path:
        """The folder of rule files."""
        return self.settings.rules

    def with_urls(self, *, nats_url: str, database_url: str) -> Environment:
        """The same environment with one service's own credentials."""
        return replace(
            self, settings=self.settings.model_copy(update={"nats_url": nats_url, "database_url": database_url})
        )


class Resource(Protocol):
    """Something that is opened before the first message and closed after the last."""

    async def start(self) -> None:
        """Open."""

    async def stop(self) -> None:
        """Close."""


class Bus:
    """The broker of one service and its connection; ends the process when the connection is closed for good."""

    def __init__(self, service: str, environment: Environment) -> None:
        self._service, self._environment, self._connected, self._stopping = service, environment, False, False
        self.broker: NatsBroker = make_broker(
            service,
            environment.settings.nats_url,
            registry=environment.registry,
            on_closed=self._closed,
            on_refused=self._refused,
            ca=environment.settings.bus_ca,
            reading=environment.tracing.reading,
        )

    @property
    def registry(self) -> CollectorRegistry:
        """Where the service's figures are kept."""
        return self._environment.registry

    @property
    def tracing(self) -> Tracing:
        """The traces of the process."""
        return self._environment.tracing

    async def publish(self, events: Sequence[Outgoing]) -> None:
        """As `shared.bus.publish`, noted in the traces of the events."""
        with self.tracing.publishing(events):
            await publish(await self.client(), events)

    async def client(self) -> Client:
        """The live connection; connects when there is none yet."""
        return await self.broker.connect()

    async def start(self) -> None:
        """Connect; consuming starts with `consume`."""
        await self.broker.connect()
        self._connected = True

    async def consume(self) -> None:
        """Start the subscribers."""
        fetch_our_way(self.broker)
        await self.broker.start()

    async def stop(self) -> None:
        """Finish the batch in hand, then disconnect."""
        self._stopping = True
        client = await self.client()
        try:
            await self.broker.stop()
        except (
            ConnectionReconnectingError
        ):  # a bus that is away takes no farewell; what is in hand comes back by ack_wait
            with contextlib.suppress(OSError):
                await client.close()

    def give_up(self, reason: str) -> None:
        """End the process; whoever runs it starts a fresh one."""
        self._environment.on_fatal(reason)

    async def _refused(self) -> None:
        if self._connected and not self._stopping:  # FastStream gives up reconnecting here, and would not say so
            self.give_up(f"{self._service}: the bus refuses the login that it took before; was its password renewed?")

    async def _closed(self) -> None:
        if not self._stopping:  # fires on an ordinary stop too
            self.give_up(f"{self._service}: the connection to the bus was closed for good")


@dataclass(frozen=True, kw_only=True)
class Service:
    """A built service: what `build()` returns and the runtime runs.

    `tasks` run until the end; `checks` answer `None` or what keeps the service from working, `warnings` what is wrong and
    does not; `backlog` counts work that is not done yet, by
    name; all zero means that everything heard has been digested.
    """

    name: str
    bus: Bus
    resources: Sequence[Resource] = ()
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    checks: Sequence[Callable[[], Awaitable[str | None]]] = ()
    warnings: Sequence[Callable[[], Awaitable[str | None]]] = ()
    backlog: dict[str, Callable[[], Awaitable[int]]] = field(default_factory=dict)
    api: APIRouter = field(default_factory=APIRouter)

    async def problems(self) -> list[str]:
        """Everything that keeps this service from working, in words; empty when it is ready."""
        found = [problem for check in self.checks if (problem := await check())]
        return found + [problem for one in topology.durables_of([self.name]) if (problem := await self._deaf(one))]

    async def remarks(self) -> list[str]:
        """What is wrong although the service works, in words."""
        return [remark for warning in self.warnings if (remark := await warning())]

    async def waiting(self) -> dict[str, int]:
        """Work not done yet: messages of each durable, unpublished events, and what the service adds."""
        counts = {name: await count() for name, count in self.backlog.items()}
        js = (await self.bus.client()).jetstream()
        for one in topology.durables_of([self.name]):
            info = await js.consumer_info(one.stream, one.name)
            counts[one.name] = (info.num_pending or 0) + (info.num_ack_pending or 0)
        return {f"{self.name}.{name}": count for name, count in counts.items()}

    async def _deaf(self, one: topology.Durable) -> str | None:
        try:
            async with asyncio.timeout(3):
                await (await self.bus.client()).jetstream().consumer_info(one.stream, one.name)
        except NotFoundError:
            return f"the consumer {one.name} on stream {one.stream} is gone; restart the service to create it"
        except Exception as error:
            return f"the bus does not answer for {one.name}: {error or type(error).__name__}"
        return None


@contextlib.asynccontextmanager
async def running(services: Sequence[Service], *, watch_seconds: float = 10.0) -> AsyncIterator[None]:
    """Run built services until the block ends: resources, then tasks, then consumers; backwards at the end.

    On a bus that was not provisioned it waits before the first of them.
    """
    async with contextlib.AsyncExitStack() as stack:
        for tracing in dict.fromkeys(service.bus.tracing for service in services):
            await tracing.start()
            stack.push_async_callback(tracing.stop)
        for service in services:
            await service.bus.start()
            await wait_until_provisioned(service.name, (await service.bus.client()).jetstream())
            for resource in service.resources:
                await resource.start()
                stack.push_async_callback(resource.stop)
        jobs = [
            asyncio.create_task(
                for_ever(service.name, task), name=f"{service.name}:{getattr(task, '__qualname__', 'task')}"
            )
            for service in services
            for task in (*service.tasks, _Watch(service, watch_seconds).run)
        ]
        stack.push_async_callback(_cancel, jobs)
        for service in services:
            stack.push_async_callback(service.bus.stop)
            await service.bus.consume()
        log.info("services_started", services=[service.name for service in services])
        yield
        log.info("services_stopping", services=[service.name for service in services])


async def for_ever(
    service: str,
    task: Callable[[], Awaitable[None]],
    *,
    seconds: Callable[[], float] = monotonic,
    rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run a background task; one that fails is logged and begins again after a pause (`shared.patience`)."""
    pauses = Pauses()
    while True:
        began = seconds()
        try:
            await task()
            return
        except asyncio.CancelledError:
            raise
        except Exception as error:
            pause = pauses.after(seconds() - began)
            _tell_failed(service, getattr(task, "__qualname__", "task"), error, pause)
            await rest(pause)


def _tell_failed(service: str, task: str, error: Exception, pause: float) -> None:
    """One line for trouble outside; a trace for anything that we do not know."""
    if reason := trouble(error):
        log.warning("task_waits", service=service, task=task, reason=reason, retry_in=pause)
    else:
        log.error("task_failed", service=service, task=task, retry_in=pause, exc_info=error)


async def _cancel(jobs: Sequence[asyncio.Task[None]]) -> None:
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


class _Watch:
    """Says what keeps the service from working, and that it works again; ends a process that reads nothing.

    Reading nothing: a deleted consumer, or one that has messages and nobody waiting for them.
    """

    def __init__(self, service: Service, seconds: float) -> None:
        self._service, self._seconds = service, seconds
        self._seen: dict[str, int] = {}
        self._problems: list[str] = []
        registry, labels = service.bus.registry, ["service", "durable"]
        self._pending = gauge(registry, "motcua_consumer_pending", "Messages not read yet", labels)
        self._redelivered = gauge(
            registry, "motcua_consumer_redelivered", "Messages delivered again and not acknowledged yet", labels
        )
        self._ready = gauge(registry, "motcua_ready", "1 when nothing keeps the service from working", ["service"])
        self._ready.labels(service.name).set(1)

    async def run(self) -> None:
        """Look at every durable, for ever."""
        while True:
            await asyncio.sleep(self._seconds)
            await self._tell_problems()
            for one in topology.durables_of([self._service.name]):
                if reason := await self._stuck(one):
                    log.critical("consumer_stuck", service=self._service.name, durable=one.name, reason=reason)
                    self._service.bus.give_up(f"{self._service.name}: {reason}")

    async def _tell_problems(self) -> None:
        problems, name = await self._service.problems(), self._service.name
        self._ready.labels(name).set(not problems)
        if problems and problems != self._problems:
            log.warning("not_ready", service=name, problems=problems)
        if self._problems and not problems:
            log.info("ready_again", service=name)
        self._problems = problems

    async def _stuck(self, one: topology.Durable) -> str | None:
        try:
            info = await (await self._service.bus.client()).jetstream().consumer_info(one.stream, one.name)
        except NotFoundError:
            return f"the consumer {one.name} on {one.stream} is gone"
        except Exception:
            return None  # the bus is away: the client reconnects for ever, there is nothing to restart
        labels = (self._service.name, one.name)
        self._pending.labels(*labels).set(info.num_pending or 0)
        self._redelivered.labels(*labels).set(info.num_redelivered or 0)
        position = info.delivered.stream_seq if info.delivered else 0
        before, self._seen[one.name] = self._seen.get(one.name), position
        if (info.num_pending or 0) > 0 and not info.num_waiting and before == position and not info.num_ack_pending:
            return f"{info.num_pending} messages wait for {one.name} and nobody fetches them"
        return None
