"""Report periods: quarters and years that begin on the 15th of the month before (contracts.md §5, NĐ 09/2019/NĐ-CP).

Calendar quarters, as the index of QĐ 766 and some plan windows use them, are not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.rules import RuleModel, load

_CODE = re.compile(r"([12][0-9]{3})(?:-Q([1-4]))?")


class PeriodKind(StrEnum):
    QUARTER = "quarter"
    YEAR = "year"


class PeriodRules(RuleModel):
    """On which days periods begin and end, and from when to when that holds (both days inclusive)."""

    id: str
    first_day: int = Field(ge=2, le=28)
    last_day: int = Field(ge=1, le=27)
    valid_from: date
    valid_to: date | None = None
    source: str

    @model_validator(mode="after")
    def _leave_no_gap(self) -> Self:
        if self.last_day + 1 != self.first_day:
            raise ValueError("last_day must be the day before first_day (or days belong to no period, or to two)")
        return self


@dataclass(frozen=True)
class PeriodCode:
    """`2025-Q4` or, without a quarter, `2025`."""

    year: int
    quarter: int | None = None

    def __str__(self) -> str:
        return f"{self.year:04d}" + (f"-Q{self.quarter}" if self.quarter else "")

    @property
    def kind(self) -> PeriodKind:
        return PeriodKind.QUARTER if self.quarter else PeriodKind.YEAR

    @property
    def months(self) -> tuple[int, int]:
        """First and last calendar month that the period is named after."""
        return (self.quarter * 3 - 2, self.quarter * 3) if self.quarter else (1, 12)


@dataclass(frozen=True, kw_only=True)
class Period:
    """One report period of a unit; both dates belong to it."""

    code: str
    kind: PeriodKind
    begin: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.begin <= day <= self.end


class UnknownPeriod(ValueError):
    """A code that names no period, or one for which no rule was in force."""

    def __init__(self, code: str, reason: str = "give a quarter such as 2025-Q4 or a year such as 2025") -> None:
        self.code = code
        super().__init__(f"unknown period {code!r}: {reason}")


class PeriodBeforeUnit(ValueError):
    """A period that was over before the unit began to exist."""

    def __init__(self, code: str, founded: date) -> None:
        self.code, self.founded = code, founded
        super().__init__(f"period {code} was over when the unit was founded, {founded:%d/%m/%Y}: ask for a later one")


def load_period_rules(rules_root: Path) -> PeriodRules:
    """The rules of `periods/quarter-15-14.yaml`; raises `RuleError`."""
    return load(rules_root / "periods" / "quarter-15-14.yaml", PeriodRules)


def parse_period(code: str) -> PeriodCode:
    """Read `2025-Q4` or `2025`; anything else raises `UnknownPeriod`."""
    match = _CODE.fullmatch(code)
    if match is None:
        raise UnknownPeriod(code)
    year, quarter = match.groups()
    return PeriodCode(int(year), int(quarter) if quarter else None)


def period(code: str, rules: PeriodRules, founded: date | None = None) -> Period:
    """The dates of a period, cut at the unit's founding day.

    Raises `UnknownPeriod`, also for one that ends outside the rules' validity, and `PeriodBeforeUnit`.
    """
    parsed = parse_period(code)
    first, last = parsed.months
    end = date(parsed.year, last, rules.last_day)
    if end < rules.valid_from or (rules.valid_to and end > rules.valid_to):
        raise UnknownPeriod(code, f"the rule {rules.id} does not hold on {end:%d/%m/%Y}")
    if founded and end < founded:
        raise PeriodBeforeUnit(code, founded)
    begin = date(parsed.year, first - 1, rules.first_day) if first > 1 else date(parsed.year - 1, 12, rules.first_day)
    return Period(code=code, kind=parsed.kind, begin=max(begin, founded or begin), end=end)


def quarter_of(day: date, rules: PeriodRules) -> str:
    """Code of the one quarter that the day belongs to; from 15/12 on that is the next year's first."""
    month = day.month + (1 if day.day >= rules.first_day else 0)
    return str(PeriodCode(day.year + 1, 1) if month > 12 else PeriodCode(day.year, (month + 2) // 3))


def previous_quarter(code: str) -> str:
    """Code of the quarter before; a year or anything else raises `UnknownPeriod`."""
    parsed = parse_period(code)
    if parsed.quarter is None:
        raise UnknownPeriod(code, "give a quarter such as 2025-Q4")
    return str(PeriodCode(parsed.year, parsed.quarter - 1) if parsed.quarter > 1 else PeriodCode(parsed.year - 1, 4))
