"""What stands before every HTTP door: a limit of requests per caller, and headers that keep browsers out of trouble."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PER_SECOND, BURST = 200.0, 1000.0
"""Requests of one address; a request may carry 5,000 records, so an honest sender is far below."""
MAX_CALLERS = 10_000
FREE = frozenset({"/healthz", "/readyz", "/metrics"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STRICT = "default-src 'none'; frame-ancestors 'none'"
PAGES = ("/docs", "/openapi")
"""The API's own page loads its script and style from elsewhere; everything else is data and loads nothing."""


class SecurityHeaders:
    """Adds headers to every answer; what a route set itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a send that adds the headers."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(PAGES):
                    headers.setdefault("Content-Security-Policy", STRICT)
            await send(message)

        await self._app(scope, receive, adding if scope["type"] == "http" else send)


class PlainAddresses:
    """Refuses addresses with a NUL character: PostgreSQL takes none, and no code, unit or date holds one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400."""
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            answer = {"error": "the address holds a NUL character (%00); leave it out"}
            await JSONResponse(answer, status_code=400)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class RateLimit:
    """Answers 429 to an address that asks faster than `per_second` for longer than `burst` requests last.

    Health and metrics stay free: who watches must see a door that is being flooded.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        per_second: float = PER_SECOND,
        burst: float = BURST,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._per_second, self._burst, self._now = app, per_second, burst, now
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or say how long to wait."""
        if scope["type"] == "http" and scope["path"] not in FREE and not self._takes(_address(scope)):
            answer = {"error": "too many requests from your address; wait a second, and send records in batches"}
            await JSONResponse(answer, status_code=429, headers={"Retry-After": "1"})(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _takes(self, address: str) -> bool:
        """One token from the bucket of this address; buckets of the longest silent are forgotten first."""
        now = self._now()
        left, since = self._callers.pop(address, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_second)
        self._callers[address] = (left - 1 if left >= 1 else left, now)
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)
        return left >= 1


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
