"""Report periods: quarters, six and nine months, years that begin on the 15th of the month before; ad-hoc windows.

Contracts.md §5, domain.md §1.1, NĐ 09/2019/NĐ-CP. Calendar quarters, as the index of QĐ 766 and some plan windows use
them, are not known here.
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

_CODE = re.compile(r"([12][0-9]{3})(?:-Q([1-4])|-([69])M)?")
_WINDOW = re.compile(r"([12][0-9]{3}-[0-9]{2}-[0-9]{2})--([12][0-9]{3}-[0-9]{2}-[0-9]{2})")


class PeriodKind(StrEnum):
    QUARTER = "quarter"
    SIX_MONTHS = "six_months"
    NINE_MONTHS = "nine_months"
    YEAR = "year"
    AD_HOC = "ad_hoc"


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
    """`2025-Q4`, `2026-6M`, `2026-9M` (the first six or nine months) or, without either, `2025`."""

    year: int
    quarter: int | None = None
    through: int | None = None
    """6 or 9: the last month of a period that begins with the year."""

    def __str__(self) -> str:
        if self.through:
            return f"{self.year:04d}-{self.through}M"
        return f"{self.year:04d}" + (f"-Q{self.quarter}" if self.quarter else "")

    @property
    def kind(self) -> PeriodKind:
        if self.through:
            return PeriodKind.SIX_MONTHS if self.through == 6 else PeriodKind.NINE_MONTHS
        return PeriodKind.QUARTER if self.quarter else PeriodKind.YEAR

    @property
    def months(self) -> tuple[int, int]:
        """First and last calendar month that the period is named after."""
        return (self.quarter * 3 - 2, self.quarter * 3) if self.quarter else (1, self.through or 12)


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

    def __init__(self, code: str, reason: str = "") -> None:
        self.code = code
        reason = reason or (
            "give a quarter such as 2025-Q4 or a year such as 2025, six or nine months such as 2026-6M and 2026-9M, or the"
            " first and last day of a window: 2025-07-01--2025-10-31"
        )
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
    """Read `2025-Q4`, `2026-6M`, `2026-9M` or `2025`; anything else, windows too, raises `UnknownPeriod`."""
    match = _CODE.fullmatch(code)
    if match is None:
        raise UnknownPeriod(code)
    year, quarter, through = match.groups()
    return PeriodCode(int(year), int(quarter) if quarter else None, int(through) if through else None)


def parse_window(code: str) -> tuple[date, date] | None:
    """First and last day of an ad-hoc window, `2025-07-01--2025-10-31`; nothing for another code.

    Raises `UnknownPeriod` for days that do not exist and for a window that ends before it starts.
    """
    match = _WINDOW.fullmatch(code)
    if match is None:
        return None
    try:
        begin, end = (date.fromisoformat(day) for day in match.groups())
    except ValueError as error:
        raise UnknownPeriod(code, f"a day of it does not exist ({error})") from None
    if end < begin:
        raise UnknownPeriod(code, f"the window ends on {end:%d/%m/%Y} before it starts on {begin:%d/%m/%Y}; swap them")
    return begin, end


def window_code(begin: date, end: date) -> str:
    """The code of an ad-hoc window, which is also a good name of a file."""
    return f"{begin.isoformat()}--{end.isoformat()}"


def period(code: str, rules: PeriodRules, founded: date | None = None) -> Period:
    """The dates of a period, cut at the unit's founding day.

    Raises `UnknownPeriod`, also for one that ends outside the rules' validity, and `PeriodBeforeUnit`.
    """
    begin, end, kind = _days(code, rules)
    if founded and end < founded:
        raise PeriodBeforeUnit(code, founded)
    return Period(code=code, kind=kind, begin=max(begin, founded or begin), end=end)


def _days(code: str, rules: PeriodRules) -> tuple[date, date, PeriodKind]:
    if window := parse_window(code):
        return *window, PeriodKind.AD_HOC  # whoever asks for it says its days: no rule to be in force
    parsed = parse_period(code)
    first, last = parsed.months
    end = date(parsed.year, last, rules.last_day)
    if end < rules.valid_from or (rules.valid_to and end > rules.valid_to):
        raise UnknownPeriod(code, f"the rule {rules.id} does not hold on {end:%d/%m/%Y}")
    begin = date(parsed.year, first - 1, rules.first_day) if first > 1 else date(parsed.year - 1, 12, rules.first_day)
    return begin, end, parsed.kind


_CODES_OF_YEAR: dict[PeriodKind, tuple[str, ...]] = {
    PeriodKind.QUARTER: ("-Q1", "-Q2", "-Q3", "-Q4"),
    PeriodKind.SIX_MONTHS: ("-6M",),
    PeriodKind.NINE_MONTHS: ("-9M",),
    PeriodKind.YEAR: ("",),
    PeriodKind.AD_HOC: (),
}


def periods_between(kind: PeriodKind, first: date, last: date, rules: PeriodRules, founded: date) -> list[Period]:
    """The unit's periods of a kind that begin by `last` and end on `first` or later, in order; none of ad-hoc windows."""
    found = list[Period]()
    for year in range(first.year, last.year + 2):
        for suffix in _CODES_OF_YEAR[kind]:
            try:
                one = period(f"{year:04d}{suffix}", rules, founded)
            except (PeriodBeforeUnit, UnknownPeriod):
                continue
            if one.begin <= last and one.end >= first:
                found.append(one)
    return found


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
