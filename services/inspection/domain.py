"""What the progress of a target is: its share in a period, the verdict, and the events that a change causes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from shared.events.plans import PlanEvent
from shared.measures import Share
from shared.verdicts import Verdict, judge, judge_trend

__all__ = ["Progress", "Verdict", "Window", "events_between", "judge", "judge_trend"]


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


def events_between(before: Progress | None, after: Progress) -> Iterator[PlanEvent]:
    """`task_progressed` when the figures moved, `target_met` / `target_missed` when the period's verdict came or changed."""
    if after.share is not None and (before is None or before.share != after.share):
        yield PlanEvent.TASK_PROGRESSED
    decided = after.verdict in (Verdict.MET, Verdict.MISSED) and not after.window.shown_only
    if decided and (before is None or before.verdict != after.verdict):
        yield PlanEvent.TARGET_MET if after.verdict is Verdict.MET else PlanEvent.TARGET_MISSED
