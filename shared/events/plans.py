"""What the inspection service says of the targets of a plan."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from shared.verdicts import Verdict


class PlanEvent(StrEnum):
    """Events `plan.v1.<unit>.…`; each says how the target stands after it."""

    TASK_PROGRESSED = "task_progressed"
    TARGET_MET = "target_met"
    TARGET_MISSED = "target_missed"


class TargetProgress(msgspec.Struct, frozen=True, kw_only=True):
    """One target in one period of its plan: `hit` of `base` dossiers, against `at_least` percent."""

    plan: str
    unit: str
    target: str
    item: str
    title_vi: str
    measure: str
    period: str
    """`plan`, or the code of a report period such as `2025-Q4`."""
    begin: date = msgspec.field(name="from")
    end: date = msgspec.field(name="to")
    hit: int | None
    base: int | None
    at_least: int | None
    verdict: Verdict
