"""The history made of all revisions at once answers every day as the highest revision recorded by then."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from services.reporting.history.domain import (
    EVER,
    NEVER,
    UNHEARD,
    Version,
    at,
    first_disagreement,
    known_at,
    steps_of,
    versions,
)
from services.reporting.history.filling import kept_of
from shared.events.dossiers import Snapshot, State, Step
from shared.facts import FOR_EVER, spans
from shared.localtime import LOCAL, local_date
from tests.bus.test_history import START, a_life


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T09:00:00").replace(tzinfo=LOCAL)


def revision(number: int, recorded: str, *steps: tuple[str, dict[str, Any]]) -> Snapshot:
    return Snapshot(
        unit="10966", dossier="A-1", revision=number, source="/onestop/31/test", state=State(), recorded_at=day(recorded),
        timeline=[Step(at=day(happened), kind="updated", to=to) for happened, to in steps],
    )  # fmt: skip


RECEIVED = ("2025-11-03", {"status": "received", "received_at": "2025-11-03T09:00:00+07:00", "field": "Hộ tịch"})
DONE = ("2025-11-06", {"status": "completed", "finished_at": "2025-11-06T09:00:00+07:00", "outcome": "completed"})
MOVED = ("2025-11-03", RECEIVED[1] | {"field": "Đất đai"})


def test_what_is_told_on_the_day_leaves_nothing_to_keep() -> None:
    assert kept_of([revision(1, "2025-11-03", RECEIVED), revision(2, "2025-11-06", RECEIVED, DONE)]) == []


def test_a_late_finish_is_open_until_it_was_told() -> None:
    told = [revision(1, "2025-11-03", RECEIVED), revision(2, "2025-11-10", RECEIVED, DONE)]
    [open_] = kept_of(told)
    assert (open_.known_from, open_.known_to) == (date(2025, 11, 6), date(2025, 11, 10))
    [(begin, state)] = open_.steps
    assert (begin, state and state["finished_on"]) == (date(2025, 11, 6), None)


def test_a_correction_of_the_first_day_keeps_what_stood_there() -> None:
    told = [revision(1, "2025-11-03", RECEIVED), revision(2, "2025-11-05", MOVED)]
    [old] = kept_of(told)
    assert (old.known_from, old.known_to) == (date(2025, 11, 3), date(2025, 11, 5))
    assert [(begin, state and state["field"]) for begin, state in old.steps] == [(date(2025, 11, 3), "Hộ tịch")]


def test_of_revisions_recorded_in_the_wrong_order_the_highest_counts_from_its_own_day() -> None:
    told = [revision(1, "2025-11-08", RECEIVED), revision(2, "2025-11-06", RECEIVED, DONE)]
    [unheard] = kept_of(told)
    assert (unheard.known_from, unheard.known_to) == (date(2025, 11, 3), date(2025, 11, 6))
    assert unheard.steps == [(date(2025, 11, 3), None)]


@pytest.mark.parametrize("seed", range(60))
def test_any_life_is_answered_as_it_was_known(seed: int) -> None:
    told = a_life(seed, random.Random(seed), "10966")
    if not told:
        return
    history = versions(steps_of(spans(told[-1]), FOR_EVER), kept_of(told))
    for number in range(-2, 45):
        known_on = START + timedelta(days=number)
        heard = [one for one in told if local_date(one.recorded_at) <= known_on]
        right = steps_of(spans(heard[-1]), FOR_EVER) if heard else UNHEARD
        answered = known_at(history, known_on)
        for about in (START + timedelta(days=n) for n in range(-2, number + 1)):
            assert at(answered, about) == at(right, about), (known_on, about)


def _version(begin: date, end: date, state: str) -> Version:
    return Version(known_from=begin, known_to=end, steps=[(EVER, {"field": state})])


def test_histories_agree_whatever_rectangles_they_are_cut_into() -> None:
    cut = [date(2025, 11, 3), date(2025, 11, 9)]
    one = [_version(EVER, cut[1], "a"), _version(cut[1], NEVER, "b")]
    other = [_version(EVER, cut[0], "a"), _version(cut[0], cut[1], "a"), _version(cut[1], NEVER, "b")]
    assert first_disagreement(one, other) == NEVER
    wrong = [_version(EVER, cut[0], "a"), _version(cut[0], cut[1], "c"), _version(cut[1], NEVER, "b")]
    assert first_disagreement(one, wrong) == cut[0]
    assert first_disagreement(wrong, one) == cut[0]
