"""HTTP as every service offers it: health that means it, metrics, bounded bodies, and errors for people."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol

import asyncpg
import structlog
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.telemetry import TelemetryConfig
from nats.errors import Error as BusError
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import AfterValidator, AwareDatetime, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.connections import HEADERS_SECONDS, protocol
from shared.correlated_requests import CorrelatedRequests
from shared.parties import Forbidden
from shared.protection import FREE, PlainAddresses, RateLimit, SecurityHeaders
from shared.tracing import Tracing
from shared.trouble import RETRY_AFTER, trouble

log = structlog.get_logger()

MAX_BODY = 32 * 1024 * 1024
"""Bytes of one request body; 200,000 rows of a sheet are below it."""
SLOW_BODY_SECONDS, WHOLE_BODY_SECONDS = 60.0, 900.0
LINGER_SECONDS = 5.0
MAX_NUMBER = 2**31 - 1
"""The largest number of a version, a proposal or a place in a list; beyond it the database has no such number."""
Number = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
YEARS = range(1900, 2200)


def _plain(text: str) -> str:
    if any(ord(sign) < 32 for sign in text):
        raise ValueError("holds control characters")
    return text


def _in_our_time(instant: datetime) -> datetime:
    if instant.year not in YEARS:
        raise ValueError(f"lies in the year {instant.year}; send a date between 1900 and 2199")
    return instant


Key = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
"""An id, a code or a name in a request: what the database could not hold never comes so far."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
"""An instant with its offset, in years that calendars can count with."""


class Runs(Protocol):
    """What the door needs of a running service."""

    @property
    def name(self) -> str:
        """The service's name."""
        ...

    @property
    def api(self) -> APIRouter:
        """Its own routes."""
        ...

    async def problems(self) -> list[str]:
        """What keeps it from working."""
        ...

    async def remarks(self) -> list[str]:
        """What is wrong although it works."""
        ...

    async def waiting(self) -> dict[str, int]:
        """Work not done yet."""
        ...


SPANS: TelemetryConfig = {
    "metrics": False,
    "logs": False,  # its records hold what people sent
    "operation_spans": False,
    "auto_configure": False,
    "exclude": lambda scope: scope["path"] in FREE,
}
"""What FastAPI says of a request once traces are on (shared/tracing.py): one span."""


def make_app(
    services: Sequence[Runs],
    registry: CollectorRegistry,
    asyncapi: Callable[[], dict[str, Any]],
    tracing: Tracing,
) -> FastAPI:
    """One door for these services: their routes, health, readiness, metrics and contracts."""
    app = FastAPI(title="Một Cửa", version="1", docs_url="/docs", redoc_url=None, telemetry=SPANS)
    app.add_middleware(BoundedBody)
    app.add_middleware(PlainAddresses)
    app.add_middleware(RateLimit)
    app.add_middleware(SecurityHeaders)
    # added last, runs first: refusals carry id and headers too
    app.add_middleware(CorrelatedRequests, traceparent=tracing.traceparent)
    app.add_exception_handler(Forbidden, _forbidden)
    for one in (asyncpg.PostgresError, asyncpg.InterfaceError, BusError, ConnectionError):
        app.add_exception_handler(one, _in_trouble)
    app.add_exception_handler(Exception, _unexpected)
    for service in services:
        app.include_router(service.api, tags=[service.name])
    app.include_router(_health(services, registry, asyncapi))
    return app


def _health(services: Sequence[Runs], registry: CollectorRegistry, asyncapi: Callable[[], dict[str, Any]]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", response_class=PlainTextResponse)
    async def alive() -> str:
        """The process lives; nothing else is asked."""
        return "ok"

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """Every dependency and every consumer answers; otherwise 503 and what is wrong. Warnings leave it ready."""
        found = await asyncio.gather(*(service.problems() for service in services))
        problems = {service.name: said for service, said in zip(services, found, strict=True) if said}
        answer: dict[str, Any] = {"ready": not problems, "problems": problems}
        if remarks := {service.name: said for service in services if (said := await service.remarks())}:
            answer["warnings"] = remarks
        return JSONResponse(answer, status_code=503 if problems else 200)

    @router.get("/v1/backlog")
    async def backlog() -> dict[str, int]:
        """Work not done yet, by name; all zero when everything heard has been digested."""
        found = await asyncio.gather(*(service.waiting() for service in services))
        return {name: count for counts in found for name, count in counts.items()}

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        """Prometheus metrics of every service in this process."""
        return PlainTextResponse(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/asyncapi.json")
    async def contract() -> dict[str, Any]:
        """AsyncAPI document of what these services read from the bus."""
        return asyncapi()

    return router


async def _forbidden(_: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, Forbidden) else 403
    return JSONResponse({"error": str(error)}, status_code=status)


async def _in_trouble(_: Request, error: Exception) -> JSONResponse:
    """Say that it is not the caller's fault and when to ask again; the log says what is full or away."""
    if (reason := trouble(error)) is None:
        raise error
    log.warning("request_not_served", reason=reason)
    said = {"error": "a part of this system is full or away; nothing was lost, send the same again later"}
    return JSONResponse(said, status_code=503, headers={"Retry-After": RETRY_AFTER})


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    """Say nothing of the inside; the log has the trace."""
    return JSONResponse(
        {"error": "something went wrong on our side; nothing was lost, please send it again"}, status_code=500
    )


class BodyRefused(Exception):
    """The body is larger than the door takes, or comes too slowly; with the answer's status."""

    def __init__(self, reason: str, *, status: int) -> None:
        super().__init__(reason)
        self.status = status


class BoundedBody:
    """Cuts off bodies that are too large or too slow; without it one sender can fill the memory of all.

    `pause` bounds the seconds between two pieces, `whole` those of the whole body: a byte now and then ends as well.
    """

    def __init__(
        self, app: ASGIApp, *, most: int = MAX_BODY, pause: float = SLOW_BODY_SECONDS, whole: float = WHOLE_BODY_SECONDS
    ) -> None:
        self._app, self._most, self._pause, self._whole = app, most, pause, whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a receive that counts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, self._counting(receive), noted)
        except BodyRefused as refused:
            if started:
                raise
            if refused.status == 413:
                await self._let_finish(receive)
            # what was not read of the body would be taken for the next request
            headers = {"Connection": "close"}
            answer = JSONResponse({"error": str(refused)}, status_code=refused.status, headers=headers)
            await answer(scope, receive, send)

    async def _let_finish(self, receive: Receive) -> None:
        """Throw away as much again, for some seconds: who is still sending when we hang up never reads why."""
        left, more = self._most, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while more and left > 0:
                    message = await receive()
                    left, more = left - len(message.get("body", b"")), message.get("more_body", False)

    def _counting(self, receive: Receive) -> Receive:
        seen, complete, clock = 0, False, asyncio.get_running_loop().time
        end = clock() + self._whole

        async def counted() -> Message:
            nonlocal seen, complete
            if complete:  # what comes now is only that the caller hung up
                return await receive()
            try:
                async with asyncio.timeout_at(min(end, clock() + self._pause)):
                    message = await receive()
            except TimeoutError:
                raise BodyRefused("the body came too slowly; send it again", status=408) from None
            seen, complete = seen + len(message.get("body", b"")), not message.get("more_body", False)
            if seen > self._most:
                raise BodyRefused(f"a request body has at most {self._most:,} bytes; split it", status=413)
            return message

        return counted


class HttpServer:
    """Uvicorn inside our own event loop; signals stay with the runtime."""

    def __init__(self, app: FastAPI, *, host: str, port: int, headers_seconds: float = HEADERS_SECONDS) -> None:
        self._host, self._port = host, port
        config = uvicorn.Config(
            app,
            http=protocol(headers_seconds),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # uvicorn has no switch for it
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; raises `OSError` in words when the port is taken (uvicorn itself would end the process)."""
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            raise OSError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}; choose another --port"
            ) from error
        self._port = int(listener.getsockname()[1])
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 - uvicorn offers a flag, no event
            await asyncio.sleep(0.02)

    @property
    def port(self) -> int:
        """The port really listened on (0 asks for any)."""
        return self._port

    async def stop(self) -> None:
        """Answer what is being asked, then close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
