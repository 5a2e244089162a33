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


@dataclass(frozen=True, kw_only=True)
class Window:
    """A period of a plan: its name and its days, both inclusive."""

    name: str
    begin: date
    end: date


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


def events_between(before: Progress | None, after: Progress) -> Iterator[str]:
    """`task_progressed` when the figures moved, `target_met` / `target_missed` when the period's verdict came or changed."""
    if after.share is not None and (before is None or before.share != after.share):
        yield "task_progressed"
    if after.verdict in (Verdict.MET, Verdict.MISSED) and (before is None or before.verdict != after.verdict):
        yield f"target_{after.verdict}"
