"""Forecasts by hand, and held against what came in two real logs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.foresight import back_test
from services.reporting.foresight.domain import (
    Case,
    Foresight,
    Survival,
    TooLittleHistory,
    cases,
    must_finish_by,
    outlook,
)
from shared.settings import RULES
from shared.workdays import load_calendar

BETWEEN = load_calendar(RULES).working_days_between
MONDAY = date(2025, 11, 3)


def a_case(code: str = "A", *, age: int, left: int | None, ended: bool, completed: bool = True, **more: Any) -> Case:
    return Case(**{
        "code": code, "procedure": "P", "field": "F", "received_on": MONDAY, "due_on": MONDAY + timedelta(days=9),
        "finished_on": MONDAY + timedelta(days=age) if ended else None, "completed": completed, "waiting": False,
        "age": age, "left": left, **more,
    })  # fmt: skip


def a_span(**columns: Any) -> dict[str, Any]:
    return {
        "code": "A", "procedure": "P", "field": "F", "received_on": MONDAY, "due_on": date(2025, 11, 14), "finished_on": None,
        "outcome": None, "waiting": False, "valid_from": MONDAY, "valid_to": date(9999, 12, 31), **columns,
    }  # fmt: skip


def test_a_dossier_grows_older_on_working_days_on_which_it_does_not_wait() -> None:
    wednesday, monday = date(2025, 11, 5), date(2025, 11, 10)
    spans = [
        a_span(valid_to=wednesday),
        a_span(valid_from=wednesday, valid_to=monday, waiting=True),
        a_span(valid_from=monday, due_on=date(2025, 11, 19)),
    ]
    (running,) = cases(spans, date(2025, 11, 12), BETWEEN)
    assert (running.age, running.left) == (4, 5)  # Tue Wed, Tue Wed; Thu Fri Mon Tue Wed
    (waiting,) = cases(spans, date(2025, 11, 7), BETWEEN)
    assert (waiting.age, waiting.left) == (2, 7)  # nothing moves while it waits


def test_what_happened_later_does_not_exist() -> None:
    spans = [a_span(valid_to=date(2025, 11, 6)), a_span(valid_from=date(2025, 11, 6), finished_on=date(2025, 11, 6))]
    (before,), (after,) = cases(spans, date(2025, 11, 5), BETWEEN), cases(spans, date(2025, 11, 6), BETWEEN)
    assert (before.finished_on, after.finished_on) == (None, date(2025, 11, 6))


def test_open_dossiers_count_as_far_as_they_got() -> None:
    # ten begin three days before their promise; five finish a day later, two are only seen that far, one of three at the promise
    of = [a_case(age=1, left=2, ended=True)] * 5 + [a_case(age=1, left=2, ended=False)] * 2
    of += [a_case(age=3, left=0, ended=True)] + [a_case(age=3, left=0, ended=False)] * 2
    overall = 6 / (10 + 10 + 3 + 3)
    curve = Survival(of)
    assert curve.hazard(-2) == pytest.approx((5 + 20 * overall) / 30)
    assert curve.hazard(0) == pytest.approx((1 + 20 * overall) / 23)


def test_a_broken_promise_is_certain_and_a_missing_one_cannot_break() -> None:
    of = Foresight("10966", [a_case(str(n), age=3, left=2, ended=True) for n in range(30)])
    assert of.breach(a_case(age=9, left=-1, ended=False)) == 1.0
    assert of.breach(a_case(age=9, left=None, ended=False)) == 0.0
    assert of.breach(a_case(age=1, left=4, ended=False)) < of.breach(a_case(age=4, left=1, ended=False)) < 1


def test_too_few_finished_dossiers_give_no_number() -> None:
    with pytest.raises(TooLittleHistory, match="has 29 finished dossiers to learn from, 30 are needed"):
        Foresight("10966", [a_case(str(n), age=3, left=2, ended=True) for n in range(29)])


def test_the_same_facts_give_the_same_forecast_between_its_bounds() -> None:
    known = [a_case(str(n), age=n % 8, left=n % 5 - 1, ended=n % 3 > 0) for n in range(120)]
    told = [
        outlook(Foresight("10966", known), MONDAY, date(2025, 12, 14), date(2025, 11, 14), BETWEEN) for _ in range(2)
    ]
    assert told[0] == told[1]
    assert told[0].low is not None and told[0].expected is not None and told[0].high is not None
    assert 0 <= told[0].low <= told[0].expected <= told[0].high <= 1


def test_promises_of_the_period_are_listed_by_day_without_what_waits_or_is_broken() -> None:
    friday, later = date(2025, 11, 14), date(2025, 12, 20)
    known = [a_case(str(n), age=3, left=2, ended=True) for n in range(30)]
    known += [a_case(f"o{n}", age=1, left=4, ended=False, due_on=friday) for n in range(2)]
    known += [a_case("w", age=1, left=4, ended=False, due_on=friday, waiting=True)]
    known += [
        a_case("b", age=9, left=-1, ended=False, due_on=MONDAY),
        a_case("x", age=1, left=30, ended=False, due_on=later),
    ]
    assert must_finish_by(Foresight("10966", known), date(2025, 12, 14)) == [(friday, 2)]


@pytest.mark.parametrize(("log", "held"), [("receipt", 0.7), ("bpic15_1", 0.7)])
def test_forecasts_beat_the_base_rate_and_intervals_hold_what_came(shared_data: Path, log: str, held: float) -> None:
    score = back_test(shared_data / log / "records.jsonl.gz")
    assert len(score.dossiers) > 1500
    assert score.brier < score.base_brier
    assert score.coverage >= held  # said to be 0.8; few quarters, seen several times each
