"""A poison item is judged alone; a database that is away blames nobody."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from shared.batches import each_or_all
from shared.observability import configure_logs


class Repository:
    """Keeps what it is given; chokes on "poison"; is away as long as `away` says so."""

    def __init__(self) -> None:
        self.kept, self.away = list[str](), False

    async def apply(self, items: Sequence[str]) -> None:
        if self.away:
            raise ConnectionError("away")
        if "poison" in items:
            raise LookupError("cannot digest this")
        self.kept += items


def delivered(times: int, *items: str) -> list[tuple[str, Any]]:
    return [(item, SimpleNamespace(metadata=SimpleNamespace(num_delivered=times), of=item)) for item in items]


async def judge(repository: Repository, items: list[tuple[str, Any]]) -> list[str]:
    given_up = list[str]()

    async def give_up(raw: Any, reason: Exception) -> None:
        given_up.append(f"{raw.of}: {reason}")

    await each_or_all(repository.apply, items, give_up)
    return given_up


async def test_on_the_third_delivery_only_the_poison_is_given_up() -> None:
    repository = Repository()
    for attempt in (1, 2):
        with pytest.raises(LookupError):
            await judge(repository, delivered(attempt, "a", "poison", "b"))
        assert repository.kept == []
    assert await judge(repository, delivered(3, "a", "poison", "b")) == ["poison: cannot digest this"]
    assert repository.kept == ["a", "b"]


async def test_a_database_that_is_away_blames_no_item_however_often() -> None:
    repository = Repository()
    repository.away = True
    with pytest.raises(ConnectionError):
        await judge(repository, delivered(99, "a", "poison"))


async def test_a_database_that_goes_away_while_items_are_judged_blames_none_of_the_rest() -> None:
    class GoesAway(Repository):
        async def apply(self, items: Sequence[str]) -> None:
            self.away = bool(self.kept)
            await super().apply(items)

    repository = GoesAway()
    with pytest.raises(ConnectionError):
        await judge(repository, delivered(3, "a", "poison", "b"))
    assert repository.kept == ["a"]


def test_a_readable_traceback_never_shows_the_message_that_failed() -> None:
    out, before = io.StringIO(), logging.getLogger().handlers[:]
    try:
        configure_logs(console=True, stream=out)
        body = "what-a-citizen-wrote"
        try:
            raise LookupError(f"failed at byte {len(body)}")
        except LookupError:
            structlog.get_logger().exception("batch_failed")
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
    assert "failed at byte 20" in out.getvalue()
    assert "what-a-citizen-wrote" not in out.getvalue()
