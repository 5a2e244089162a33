"""A background task that fails begins again: after longer and longer pauses, briefly again once it ran well; no test waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from shared.runtime import for_ever


async def pauses_after(ran: Sequence[float]) -> list[float]:
    """The pauses of a task that fails after so many seconds each time, and ends well at last."""
    now, left, paused = 0.0, list(ran), list[float]()

    async def task() -> None:
        nonlocal now
        if left:
            now += left.pop(0)
            raise ConnectionError("the database is away")

    async def rest(seconds: float) -> None:
        paused.append(seconds)

    await for_ever("dossier", task, seconds=lambda: now, rest=rest)
    return paused


async def test_a_task_that_keeps_failing_is_tried_every_half_minute_at_last() -> None:
    assert await pauses_after([0.1] * 9) == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


async def test_a_task_that_ran_well_for_a_minute_begins_again_at_once() -> None:
    assert await pauses_after([0.1, 0.1, 0.1, 60.0, 0.1]) == [0.5, 1, 2, 0.5, 1]


async def test_a_task_that_fails_again_within_the_minute_is_still_in_the_same_trouble() -> None:
    assert await pauses_after([0.1, 0.1, 59.9, 59.9]) == [0.5, 1, 2, 4]


async def test_a_task_that_is_cancelled_ends() -> None:
    job = asyncio.create_task(for_ever("dossier", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
