"""How a batch is fetched: a lone message at once, whatever lies on the stream together, and nothing held back at a stop.

FastStream 0.7.8's own loop fetches until the batch is full or the time is over, so a lone message waits the whole
timeout at every hop of the pipeline. With a few milliseconds left nats-py raises `asyncio.TimeoutError` where that loop
waits for its subclass `nats.errors.TimeoutError`: the reading task dies. And what it has fetched when it is told to stop
comes back only after `ack_wait`. See docs/decisions/0004-faststream.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from types import MethodType
from typing import Any

from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError
from nats.js import JetStreamContext
from nats.js.errors import ServiceUnavailableError

from shared.topology import BATCH

FETCH_TIMEOUT = 1.0
"""Seconds of one wait for a first message; the wait ends when it comes, so this only sets how often nothing is asked."""
AWAY = (ConnectionClosedError, ServiceUnavailableError)


def fetch_our_way(broker: NatsBroker) -> None:
    """Call before `broker.start()`: every subscriber reads by the loop of this module."""
    for subscriber in broker.subscribers:
        subscriber._consume_pull = MethodType(_consume, subscriber)  # type: ignore[attr-defined]  # it offers no hook


async def _consume(subscriber: Any) -> None:
    subscription: JetStreamContext.PullSubscription = subscriber.subscription
    while subscriber.running:
        try:
            first = await subscription.fetch(1, timeout=FETCH_TIMEOUT)
        except TimeoutError:
            continue
        except AWAY:
            await asyncio.sleep(FETCH_TIMEOUT)  # the client reconnects; without a pause this would spin
            continue
        company = asyncio.create_task(_company(subscription))
        try:
            messages = first + await asyncio.shield(company)
        except asyncio.CancelledError:
            await _give_back(first + await company)
            raise
        if subscriber.running:
            await subscriber.consume(messages)
        else:
            await _give_back(messages)


async def _company(subscription: JetStreamContext.PullSubscription) -> list[Msg]:
    """What lies on the stream: the server says when there is no more, and its word is waited for.

    Not `fetch`: by its clock a busy loop takes half a batch while the other half is on its way. Not `_fetch_n` with two
    times either: told that nothing lies there, it asks again and waits out the longer one, a second for each lone message.
    What comes a moment later is not waited for: under load the batch in hand is what the next one gathers behind.
    """
    found = list[Msg]()
    request = {"batch": BATCH - 1, "no_wait": True}
    with contextlib.suppress(TimeoutError, *AWAY):
        await subscription._nc.publish(subscription._nms, json.dumps(request).encode(), subscription._deliver)
        while len(found) < BATCH - 1:
            message = await _next(subscription._sub)
            if JetStreamContext.is_status_msg(message):
                break
            found.append(message)
    return found


async def _next(source: Subscription) -> Msg:
    """The next message; `next_msg`, with a task, a timer and a UUID for each, only when none has arrived yet."""
    if source._pending_queue.empty():
        return await source.next_msg(FETCH_TIMEOUT)
    message = source._pending_queue.get_nowait()
    source._pending_size -= len(message.data)
    source._pending_queue.task_done()
    return message


async def _give_back(messages: list[Msg]) -> None:
    """Let another process, or our next start, have them now; with the connection gone `ack_wait` gives them back."""
    with contextlib.suppress(*AWAY):
        for message in messages:
            await message.nak()
