"""What is wrong outside, in one line and with what to do: a full disk, a server that is away. No message is to blame.

Nothing of it is ever judged as bad input: whoever meets it keeps what it has in hand and comes back after a pause.
"""

from __future__ import annotations

import asyncpg
import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

FULL = frozenset({10002, 10023, 10047, 10077})
"""`err_code` of a stream, an account or a server that reached its limit: no resources, no storage, too many bytes."""
INCOMPLETE_BATCH = 10176
"""A batch of which the server could not write a part; it says no more."""
RETRY_AFTER = "30"
"""Seconds for the header of that name: a disk is not emptied sooner."""

DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
)
BUS_AWAY = (
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.ConnectionDrainingError,
    nats.errors.NoServersError,
)


def trouble(error: BaseException) -> str | None:
    """The line for people, or `None` when nothing outside explains this error."""
    said = str(error).partition("\n")[0] or type(error).__name__
    if isinstance(error, asyncpg.DiskFullError):
        return "the disk of PostgreSQL is full; make room there: nothing is lost, it goes on by itself"
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return f"PostgreSQL has no resources left ({said}); nothing is lost, it goes on by itself"
    if isinstance(error, DATABASE_AWAY):
        return f"PostgreSQL is away ({said}); nothing is lost, it goes on by itself"
    return _of_the_bus(error, said)


def _of_the_bus(error: BaseException, said: str) -> str | None:
    if isinstance(error, APIError) and error.err_code in FULL:
        return (
            f"the store of the bus is full ({error.description}); raise max_file_store or make room: "
            "nothing is lost, it goes on by itself"
        )
    stores_nothing = isinstance(error, NoStreamResponseError | nats.errors.TimeoutError | nats.errors.NoRespondersError)
    if stores_nothing or (isinstance(error, APIError) and error.err_code in (None, INCOMPLETE_BATCH)):
        # a server that once met a full disk stores nothing any more, not even when there is room again
        return f"the bus does not store ({said}); if its disk is full make room and restart it: nothing is lost"
    if isinstance(error, BUS_AWAY):
        return f"the bus is away ({said}); nothing is lost, it goes on by itself"
    return None if error.__cause__ is None else trouble(error.__cause__)
