"""How long a petition may take: `petitions.yaml`, and the dates that its limits give on the unit's calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from shared.clocks import Clock
from shared.limits import Limit, LimitUnit, parse_limits
from shared.localtime import local_date
from shared.procedures import Validity, overlaps
from shared.rules import RuleError, RuleModel, load_located
from shared.workdays import Calendar

FILE = "petitions.yaml"


class Deadline(StrEnum):
    """The two promises of a petition."""

    TRANSFER = "transfer"
    """Checked and passed on, taken up or rejected."""
    ANSWER = "answer"


def _one_limit(text: str) -> str:
    limits = parse_limits(text)
    if len(limits) != 1 or limits[0].unit is LimitUnit.UNKNOWN:
        raise ValueError(f"{text!r} is not one limit with its unit (write it as '5 ngày làm việc')")
    return text


OneLimit = Annotated[str, AfterValidator(_one_limit)]


class PetitionVersion(Validity):
    """The limits between two days."""

    transfer: OneLimit
    answer: OneLimit
    complex: OneLimit

    def limit(self, deadline: Deadline, *, is_complex: bool) -> Limit:
        """The limit of a deadline; only the answer knows complex petitions."""
        name = "complex" if is_complex and deadline is Deadline.ANSWER else deadline.value
        return parse_limits(getattr(self, name))[0]


def _at_least_one(versions: tuple[PetitionVersion, ...]) -> tuple[PetitionVersion, ...]:
    if not versions:
        raise ValueError("there is no version (write one with valid_from, transfer, answer and complex)")
    return versions


class PetitionRules(RuleModel):
    """`petitions.yaml`."""

    id: str
    # not min_length: pydantic would say of one wrong version that there is none
    versions: Annotated[tuple[PetitionVersion, ...], AfterValidator(_at_least_one)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Terms:
    """The limits in force and the calendar on which they are counted."""

    rules: PetitionRules
    calendar: Calendar

    def due_at(
        self, deadline: Deadline, *, unit: str, received_at: datetime, since: datetime, is_complex: bool
    ) -> datetime | None:
        """When a deadline that runs from `since` ends, by the version of the day of reception; `None` where none holds."""
        day = local_date(received_at)
        version = next((one for one in self.rules.versions if one.holds_on(day)), None)
        if version is None:
            return None
        limit = version.limit(deadline, is_complex=is_complex)
        return Clock(calendar=self.calendar.for_unit(unit), limit=limit).read(since).due_at


def load_petition_rules(rules_root: Path) -> PetitionRules:
    """The versions of `petitions.yaml`; raises `RuleError` with file, line and field."""
    rules, lines = load_located(rules_root / FILE, PetitionRules)
    if problems := list(overlaps(rules.versions, ("versions",), lines)):
        raise RuleError(problems)
    return rules
