"""A connection as every HTTP door takes it: how long a caller may take for the head of a request.

Bodies are bounded by `shared.http.BoundedBody`.
"""

from __future__ import annotations

import asyncio
import json

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_SECONDS = 20.0
_SAID = json.dumps({"error": "the request's headers came too slowly; send it again"}).encode()
_TOO_SLOW = b"\r\n".join(
    (
        b"HTTP/1.1 408 Request Timeout",
        b"content-type: application/json",
        b"content-length: %d" % len(_SAID),
        b"connection: close",
        b"",
        _SAID,
    )
)


def protocol(headers_seconds: float) -> type[H11Protocol]:
    """Uvicorn's HTTP with one more clock: without it a byte now and then holds a connection for ever.

    It runs from the connection's beginning, and again from the first byte of every further request, until the
    headers are whole. Between two requests uvicorn's own keep-alive ends the connection.
    """

    class InTime(H11Protocol):
        _clock: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
            super().connection_made(transport)
            self._begin()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._end()
            elif self._clock is None:
                self._begin()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end()
            super().connection_lost(exc)

        def _begin(self) -> None:
            self._clock = self.loop.call_later(headers_seconds, self._hang_up)

        def _end(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _hang_up(self) -> None:
            if not self.transport.is_closing():
                self.transport.write(_TOO_SLOW)
                self.transport.close()

    return InTime
