"""A batch for one use case: each message read alone, what could be read applied together, what could not kept in DEAD."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from nats.aio.msg import Msg

from shared.database import is_transient
from shared.dead_letters import DeadLetters
from shared.events.envelope import Envelope, decode_envelope

Told = TypeVar("Told")
PATIENCE = 3
"""Deliveries of a batch before its items are tried one by one."""


class Batches:
    """What every reader of the bus does with a batch, around the one use case that is its own."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters

    async def follow(
        self, messages: Sequence[Msg], read: Callable[[Msg], Told], apply: Callable[[Sequence[Told]], Awaitable[Any]]
    ) -> None:
        """Read each message and apply them in one transaction; a message that `read` refuses (`ValueError`) is given up alone."""
        good = list[tuple[Told, Msg]]()
        for raw in messages:
            try:
                good.append((read(raw), raw))
            except ValueError as reason:
                await self.give_up(raw, reason)
        await each_or_all(apply, good, self.give_up)

    async def give_up(self, raw: Msg, reason: Exception) -> None:
        """Keep a message in DEAD with the reason, and only then settle it: a crash in between repeats, and loses nothing."""
        await self._dead_letters.keep(raw, reason)
        await raw.term()


def told(read: Callable[[Envelope], Told]) -> Callable[[Msg], Told]:
    """How a message is read that carries an event."""
    return lambda raw: read(decode_envelope(raw.data))


async def each_or_all(
    apply: Callable[[Sequence[Any]], Awaitable[Any]],
    items: Sequence[tuple[Any, Msg]],
    give_up: Callable[[Msg, Exception], Awaitable[None]],
) -> None:
    """Apply a batch in one go; from the third delivery on item by item, giving up alone on what still fails.

    A batch that fails for a reason outside its items (`is_transient`: the database is away) is never judged by item.
    """
    if not items:
        return
    try:
        await apply([item for item, _ in items])
    except asyncio.CancelledError:
        raise
    except Exception as error:
        attempt = max(raw.metadata.num_delivered for _, raw in items)
        if attempt < PATIENCE or is_transient(error):
            raise
        for item, raw in items:
            try:
                await apply([item])
            except Exception as failure:
                if is_transient(failure):
                    raise
                await give_up(raw, failure)
