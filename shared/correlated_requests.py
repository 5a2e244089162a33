"""Every HTTP request has an id: the caller's own, or a fresh one; logs, answers and what the request says carry it."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.correlation import Cause, caused_by

HEADER = "X-Correlation-Id"
ACCEPTED = re.compile(r"[!-~]{1,200}")
"""Printable ASCII: what could break a log line or an event is not taken over, the request is all the same."""


class CorrelatedRequests:
    """Without it nobody can say which of a thousand log lines belong to the request that a caller complains about."""

    def __init__(self, app: ASGIApp, *, traceparent: Callable[[], str]) -> None:
        self._app, self._traceparent = app, traceparent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get(HEADER, "")
        correlation = said if ACCEPTED.fullmatch(said) else uuid4().hex

        async def naming(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = correlation
            await send(message)

        # stays bound: the server logs an unexpected error after we returned; each request has a context of its own
        structlog.contextvars.bind_contextvars(correlation=correlation)
        if traceparent := self._traceparent():
            structlog.contextvars.bind_contextvars(trace=traceparent.split("-")[1])
        with caused_by(Cause(correlation=correlation, traceparent=traceparent)):
            await self._app(scope, receive, naming)
