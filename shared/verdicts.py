"""How a target stands: one judgement, used by plan, form and board alike."""

from __future__ import annotations

from enum import StrEnum

from shared.measures import Share


class Verdict(StrEnum):
    """How a target stands; a running period is never met or missed before it is over."""

    MET = "met"
    MISSED = "missed"
    ON_TRACK = "on_track"
    BEHIND = "behind"
    NO_VALUE = "no_value"
    NEEDS_NUMBER = "needs_number"
    BY_EVIDENCE = "by_evidence"
    TREND_UP = "trend_up"
    NOT_RISING = "not_rising"
    NO_COMPARISON = "no_comparison"


def judge(share: Share | None, at_least: int | None, *, is_over: bool) -> Verdict:
    """The verdict: compared exactly, without a value neither met nor missed, decided only when the period is over."""
    if share is None:
        return Verdict.BY_EVIDENCE
    if at_least is None:
        return Verdict.NEEDS_NUMBER
    reached = share.reaches(at_least)
    if reached is None:
        return Verdict.NO_VALUE
    if is_over:
        return Verdict.MET if reached else Verdict.MISSED
    return Verdict.ON_TRACK if reached else Verdict.BEHIND


def judge_trend(share: Share | None, before: Share | None) -> Verdict:
    """Whether a share rose against the period before; compared exactly, equal is not rising."""
    if share is None:
        return Verdict.BY_EVIDENCE
    if share.value is None:
        return Verdict.NO_VALUE
    if before is None or before.value is None:
        return Verdict.NO_COMPARISON
    return Verdict.TREND_UP if share.value > before.value else Verdict.NOT_RISING
