"""What the work in hand was begun by, so that logs and events can say it; plain, known to every layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

TRACEPARENT = "traceparent"
"""Name of the header and of the event's attribute, as W3C and CloudEvents (distributed tracing extension) have it."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """`correlation`: the id of a request; what is said without an id of its own is found under it.

    `traceparent`: the place in a trace of the whole work, `traceparents` of each item by its correlation; empty while
    traces are off.
    """

    correlation: str = ""
    traceparent: str = ""
    traceparents: Mapping[str, str] = field(default_factory=dict)

    def traceparent_of(self, correlation: str) -> str:
        """Of what is said about the item of this correlation."""
        return self.traceparents.get(correlation, self.traceparent)


_cause: ContextVar[Cause] = ContextVar("cause", default=Cause())  # noqa: B039 - frozen, nobody can change it


def current_cause() -> Cause:
    """Of the request in hand; empty for what a timer began and for a batch, whose items name themselves."""
    return _cause.get()


@contextmanager
def caused_by(cause: Cause) -> Iterator[None]:
    """What is done inside the block was begun by this."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)
