"""Volumes of containers are lost for real: what a backup brings back, and what the database alone brings back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.speaking import OTHER, QUARTER, account, ask, close, counted, figures, say
from tests.deploy.stack import Stack, until

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
BEFORE, AFTER = range(6_000, 6_030), range(6_030, 6_040)


async def heard(stack: Stack, numbers: range) -> None:
    async with account(stack, f"centre-{OTHER}") as centre:
        await say(centre, numbers, OTHER)


def told(stack: Stack) -> list[Any]:
    """What the unit was alerted of; whether a mail server took it is another matter."""
    return [one["key"] for one in ask(stack, "notification", "/v1/alerts", unit=OTHER)]


def closed(stack: Stack) -> Any:
    return ask(stack, "reporting", "/v1/reports", unit=OTHER, period=QUARTER)


async def test_a_backup_brings_everything_back_when_database_and_bus_are_lost(stack: Stack, tmp_path: Path) -> None:
    await heard(stack, BEFORE)
    counted(stack, len(BEFORE), OTHER)
    close(stack, OTHER)
    until(lambda: told(stack), "the alert that the quarter is closed")
    before = figures(stack, OTHER), closed(stack), told(stack)

    stack.make("backup-containers", TO=tmp_path / "backup")
    stack.lose("nats", "postgres")
    said = stack.make("restore-containers", FROM=tmp_path / "backup")
    assert "rows of" in said and "events put on the bus again" in said
    stack.up()

    assert (figures(stack, OTHER), closed(stack), told(stack)) == before
    await heard(stack, AFTER)
    counted(stack, len(BEFORE) + len(AFTER), OTHER)


async def test_a_lost_bus_is_filled_again_from_the_database_and_gives_the_same_figures(stack: Stack) -> None:
    """The figures alone would prove nothing, the database never lost them: they are built anew from the bus as well."""
    await heard(stack, BEFORE)  # said before: counts once, unless this test runs alone
    until(lambda: figures(stack, OTHER)["c8"] >= len(BEFORE), "the dossiers are counted")
    before = figures(stack, OTHER)

    stack.lose("nats")
    stack.up()
    assert "the archive of the dossier service" in stack.once("rebuild", "reporting", "--dry-run")
    assert "republished" in stack.once("republish")

    said = stack.once("rebuild", "reporting")
    assert "stream DOSSIER" in said and "the rebuilt tables are the live ones now" in said
    assert figures(stack, OTHER) == before
