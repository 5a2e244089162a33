"""The fetch loop against the real bus: a lone message is not kept waiting, and what lies there comes together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared import fetching, topology
from shared.bus import publish_atomically
from tests.inside import Inside

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
SUBJECT = "alert.v1.10966.tried"


class Reader:
    """What the loop knows of a subscriber."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self.subscription, self.running = subscription, True
        self.batches = asyncio.Queue[list[bytes]]()

    async def consume(self, messages: list[Msg]) -> None:
        for one in messages:
            await one.ack()
        await self.batches.put([one.data for one in messages])


@pytest_asyncio.fixture(loop_scope="module")
async def reader(running: Inside, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reader]:
    monkeypatch.setattr(fetching, "FETCH_TIMEOUT", 60.0)  # so long that a wait for it cannot pass unseen
    js = running.bus.jetstream()
    wanted = ConsumerConfig(
        durable_name="tried", filter_subject=SUBJECT, ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.NEW
    )
    await js.add_consumer(topology.ALERT, wanted)
    yield Reader(await js.pull_subscribe_bind("tried", topology.ALERT))
    await js.delete_consumer(topology.ALERT, "tried")


@contextlib.asynccontextmanager
async def reading(reader: Reader) -> AsyncIterator[None]:
    """The loop, while the block lasts."""
    loop = asyncio.create_task(fetching._consume(reader))
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.wait({loop})


async def test_a_lone_message_is_handed_over_without_waiting_for_company(running: Inside, reader: Reader) -> None:
    async with asyncio.timeout(20), reading(reader):
        for number in range(3):
            await running.bus.jetstream().publish(SUBJECT, str(number).encode())
            assert await reader.batches.get() == [str(number).encode()]


async def test_what_lies_there_comes_in_one_batch(running: Inside, reader: Reader) -> None:
    said = [str(number).encode() for number in range(topology.BATCH)]
    await publish_atomically(running.bus, [(SUBJECT, one, {}) for one in said])
    async with asyncio.timeout(20), reading(reader):
        assert await reader.batches.get() == said
    # what the client believes to lie there still counts against its limit; beyond that it throws messages away
    assert (reader.subscription._sub.pending_msgs, reader.subscription._sub.pending_bytes) == (0, 0)
