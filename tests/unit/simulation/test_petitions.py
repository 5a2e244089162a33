"""Petitions of a simulated centre: deterministic, believable, and of no influence on its dossiers."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from shared.events.petitions import PetitionKind, PetitionStatement, encode_petition, parse_petition
from shared.events.records import Record
from shared.localtime import local_date
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import Said, simulate, simulate_all

RULES = Path(__file__).parents[3] / "deploy" / "rules"
CALENDAR, SCENARIO = load_calendar(RULES), load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
HALF_YEAR = date(2025, 7, 1), date(2025, 12, 31)
UNITS = ("10510", "10966")
FIRSTS = {PetitionKind.RECEIVED}


def of_petitions(said: list[Said[Record]]) -> list[Said[PetitionStatement]]:
    return [
        Said(statement=one.statement, said_at=one.said_at)
        for one in said
        if isinstance(one.statement, PetitionStatement)
    ]


@pytest.fixture(scope="module")
def whole() -> list[Said[Record]]:
    return list(simulate_all(UNITS, 1, *HALF_YEAR, CALENDAR, SCENARIO))


@pytest.fixture(scope="module")
def lives(whole: list[Said[Record]]) -> dict[str, list[PetitionStatement]]:
    """Each petition's statements once, in the order in which they happened."""
    once = {one.statement.id: one.statement for one in of_petitions(whole)}
    found = defaultdict[str, list[PetitionStatement]](list)
    for statement in sorted(once.values(), key=lambda one: (one.time, one.id)):
        found[statement.petition].append(statement)
    return found


def test_the_same_seed_says_the_same_and_of_dossiers_what_it_says_without_petitions(whole: list[Said[Record]]) -> None:
    assert list(simulate_all(UNITS, 1, *HALF_YEAR, CALENDAR, SCENARIO)) == whole
    dossiers = [one for one in whole if not isinstance(one.statement, PetitionStatement)]
    assert dossiers == list(simulate(UNITS, 1, *HALF_YEAR, CALENDAR, SCENARIO))
    assert [one.said_at for one in whole] == sorted(one.said_at for one in whole)


def test_a_later_end_changes_nothing_of_what_was_said_before(whole: list[Said[Record]]) -> None:
    earlier = list(simulate_all(UNITS, 1, HALF_YEAR[0], date(2025, 9, 30), CALENDAR, SCENARIO))
    assert earlier == whole[: len(earlier)]


def test_every_statement_survives_the_wire_and_is_said_after_it_happened(whole: list[Said[Record]]) -> None:
    for one in of_petitions(whole):
        body = encode_petition(one.statement)
        assert parse_petition(body, knows_unit=SCENARIO.units.__contains__, now=one.said_at) == one.statement
        assert one.said_at > one.statement.time


def test_there_are_a_few_of_every_kind(lives: dict[str, list[PetitionStatement]]) -> None:
    # 128 working days with 0.5 and 0.3 petitions each
    assert 70 < len(lives) < 135
    assert {one.kind for life in lives.values() for one in life} == set(PetitionKind)


def test_each_begins_with_its_reception_on_a_working_day(lives: dict[str, list[PetitionStatement]]) -> None:
    for life in lives.values():
        assert life[0].kind in FIRSTS
        assert CALENDAR.is_working(local_date(life[0].time))
        assert all(one.time >= life[0].time for one in life)


def test_most_are_answered_within_fifteen_working_days_and_some_are_not(
    lives: dict[str, list[PetitionStatement]],
) -> None:
    days = [
        CALENDAR.working_days_between(local_date(life[0].time), local_date(answer.time))
        for life in lives.values()
        if (answer := next((one for one in life if one.kind is PetitionKind.ANSWERED), None))
    ]
    assert 0.7 < sum(one <= 15 for one in days) / len(days) < 1
