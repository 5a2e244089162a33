"""Calendar months, quarters and years, as the index of QĐ 766 uses them: `C2025-10`, `C2025-Q4`, `C2025`.

The letter keeps them apart from report periods (`shared.periods`); the two are never mixed (domain.md §3).
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

_CODE = re.compile(r"C([12][0-9]{3})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?")


@dataclass(frozen=True, kw_only=True)
class CalendarPeriod:
    """Whole calendar months; both days belong to it."""

    code: str
    begin: date
    end: date


class NoCalendarPeriod(ValueError):
    """A code or window that is no calendar month, quarter or year."""

    def __init__(self, said: str) -> None:
        super().__init__(f"{said} is no calendar month, quarter or year: say C2025-10, C2025-Q4 or C2025")


def is_calendar(code: str) -> bool:
    """Whether a code is written as a calendar period."""
    return code.startswith("C")


def calendar_period(code: str, founded: date | None = None) -> CalendarPeriod:
    """The days of a code, from the unit's founding on; raises `NoCalendarPeriod`, also for one that was over by then."""
    found = _CODE.fullmatch(code)
    if found is None:
        raise NoCalendarPeriod(code)
    year, quarter, month = (int(one) if one else None for one in found.groups())
    assert year is not None
    first, last = (quarter * 3 - 2, quarter * 3) if quarter else (month, month) if month else (1, 12)
    begin, end = date(year, first, 1), date(year, last, monthrange(year, last)[1])
    if founded and end < founded:
        raise NoCalendarPeriod(f"{code} was over when the unit was founded, {founded:%d/%m/%Y}; it")
    return CalendarPeriod(code=code, begin=max(begin, founded or begin), end=end)


def calendar_code(begin: date, end: date, founded: date | None = None) -> str:
    """The code of a window that is a whole month, quarter or year; raises `NoCalendarPeriod` for any other."""
    for code in (f"C{end.year}-{end.month:02d}", f"C{end.year}-Q{(end.month + 2) // 3}", f"C{end.year}"):
        whole = calendar_period(code)
        cut = max(whole.begin, founded) if founded else whole.begin
        if end == whole.end and begin in (whole.begin, cut):
            return code
    raise NoCalendarPeriod(f"{begin} – {end}")
