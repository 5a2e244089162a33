"""What the progress of a target is: its share in a period, the verdict, and the events that a change causes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
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


@dataclass(frozen=True, kw_only=True)
class Window:
    """A period of a plan: its name and its days, both inclusive; `before` names the one that a trend looks back on.

    One that is only shown beside the others decides nothing: nobody is told that its targets were met or missed.
    """

    name: str
    begin: date
    end: date
    before: str | None = None
    shown_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A target's figures in one period."""

    plan: str
    target: str
    window: Window
    share: Share | None
    verdict: Verdict


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


def events_between(before: Progress | None, after: Progress) -> Iterator[str]:
    """`task_progressed` when the figures moved, `target_met` / `target_missed` when the period's verdict came or changed."""
    if after.share is not None and (before is None or before.share != after.share):
        yield "task_progressed"
    decided = after.verdict in (Verdict.MET, Verdict.MISSED) and not after.window.shown_only
    if decided and (before is None or before.verdict != after.verdict):
        yield f"target_{after.verdict}"
