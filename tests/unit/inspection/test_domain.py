"""Verdicts of targets by numbers written by hand."""

from __future__ import annotations

from datetime import date

import pytest

from services.inspection.domain import Progress, Verdict, Window, events_between, judge, judge_trend
from services.inspection.plans import Target
from services.inspection.usecases import windows
from shared.measures import Share
from shared.periods import load_period_rules
from shared.settings import RULES
from tests.unit.inspection.test_plans import UNITS, load_plan


@pytest.mark.parametrize(
    ("hit", "base", "at_least", "running", "over"),
    [
        (9, 10, 90, "on_track", "met"),  # "tối thiểu" includes the threshold
        (899, 1000, 90, "behind", "missed"),
        (2499, 2500, 100, "behind", "missed"),  # 99.96 % is not 100 %
        (1, 3, 33, "on_track", "met"),
        (1, 3, 34, "behind", "missed"),
        (0, 7, 0, "on_track", "met"),
        (0, 0, 0, "no_value", "no_value"),  # nothing to share: neither 0 % nor 100 %
        (0, 0, 100, "no_value", "no_value"),
        (5, 5, None, "needs_number", "needs_number"),
    ],
)
def test_a_target_is_judged_exactly_and_only_when_its_period_is_over(
    hit: int, base: int, at_least: int | None, running: str, over: str
) -> None:
    share = Share(hit=hit, base=base)
    assert judge(share, at_least, is_over=False) == running
    assert judge(share, at_least, is_over=True) == over


def test_what_the_stream_cannot_measure_is_moved_by_evidence_alone() -> None:
    assert judge(None, 100, is_over=True) == Verdict.BY_EVIDENCE


@pytest.mark.parametrize(
    ("share", "before", "verdict"),
    [
        ((2, 3), (1, 2), "trend_up"),
        ((1, 2), (2, 4), "not_rising"),  # equal is not rising
        ((667, 1000), (2, 3), "trend_up"),  # by a third of a thousandth
        ((666, 1000), (2, 3), "not_rising"),
        ((1, 2), (0, 0), "no_comparison"),
        ((0, 0), (1, 2), "no_value"),
        ((1, 2), None, "no_comparison"),
    ],
)
def test_a_trend_looks_back_on_the_quarter_before(
    share: tuple[int, int], before: tuple[int, int] | None, verdict: str
) -> None:
    earlier = Share(hit=before[0], base=before[1]) if before else None
    assert judge_trend(Share(hit=share[0], base=share[1]), earlier) == verdict


def progress(hit: int, base: int, verdict: str, *, shown_only: bool = False) -> Progress:
    window = Window(name="2025-Q4", begin=date(2025, 9, 15), end=date(2025, 12, 14), shown_only=shown_only)
    return Progress(plan="p", target="T", window=window, share=Share(hit=hit, base=base), verdict=Verdict(verdict))


def test_a_change_is_said_once_and_a_repetition_not_at_all() -> None:
    first, met, missed = progress(9, 10, "on_track"), progress(9, 10, "met"), progress(9, 11, "missed")
    assert list(events_between(None, first)) == ["task_progressed"]
    assert list(events_between(first, first)) == []
    assert list(events_between(first, met)) == ["target_met"]
    assert list(events_between(met, met)) == []
    assert list(events_between(met, missed)) == ["task_progressed", "target_missed"]
    assert list(events_between(met, progress(10, 11, "met"))) == ["task_progressed"]
    assert list(events_between(first, progress(9, 10, "met", shown_only=True))) == []


def test_a_plan_is_measured_on_its_own_days_beside_each_quarter_the_year_and_the_half_year() -> None:
    plan = load_plan(RULES / "plans" / "10966-kstthc-2025.yaml", UNITS)
    rules, founded = load_period_rules(RULES), date(2025, 7, 1)

    def on(today: date) -> list[tuple[str, date, date, str | None]]:
        return [(one.name, one.begin, one.end, one.before) for one in windows(plan, today, rules, founded)]  # type: ignore[arg-type]

    own = ("plan", date(2025, 8, 29), date(2025, 12, 31), None)
    third = ("2025-Q3", date(2025, 7, 1), date(2025, 9, 14), None)
    fourth = ("2025-Q4", date(2025, 9, 15), date(2025, 12, 14), "2025-Q3")
    year = ("report_year", date(2025, 7, 1), date(2025, 12, 14), None)
    half = ("half_year", date(2025, 7, 1), date(2025, 12, 31), None)
    assert on(date(2025, 9, 14)) == [own, third, year, half]
    assert on(date(2025, 9, 15)) == [own, third, fourth, year, half]
    assert on(date(2026, 3, 1)) == [own, third, fourth, year, half]


def test_a_number_that_the_city_gives_later_is_the_threshold() -> None:
    open_ = Target(id="BG-T6", measure="online_rate")
    assert open_.threshold is None
    decision = {"at_least": 45, "document": "12/KH-UBND", "by": "UBND thành phố", "at": date(2025, 9, 1)}
    assert Target.model_validate({**open_.model_dump(), "decision": decision}).threshold == 45
