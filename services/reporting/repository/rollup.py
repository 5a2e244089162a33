"""The rollup's second ledger: its entries summed by month and by year, so that a window of many years reads few rows.

A month here runs from the 15th to the 14th and a year from 15 December, as the windows of reports do (contracts.md §5):
such a window is the sum of whole months. Any other window is as exact; it also reads the days of the two months in
which it begins and ends. An entry belongs to the month of its day *and* to the month from which it is effective, so the
sums move with the entries under any order of arrival. See docs/decisions/0044-speed-and-rebuild.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

MONTH, YEAR = "month", "year"
_SHIFTS = {MONTH: -14, YEAR: 17}
"""Days by which a date moves so that its report month or year becomes the calendar's: 15/12/2025 → 01/12/2025, 01/01/2026."""


def month_of(day: date) -> date:
    """The 15th with which the report month of a day begins; the first day of the calendar has none before it."""
    if day.day >= 15:
        return day.replace(day=15)
    if (day.year, day.month) == (1, 1):
        return date.min
    return (day.replace(day=1) - timedelta(days=1)).replace(day=15)


def year_of(day: date) -> date:
    """The 15 December with which the report year of a day begins."""
    begins = (day.month, day.day) >= (12, 15)
    return date(day.year if begins else day.year - 1, 12, 15) if begins or day.year > 1 else date.min


def _begin(size: str, of: str) -> str:
    shift = _SHIFTS[size]
    return f"date_trunc('{size}', ({of} + ({shift}))::timestamp)::date - ({shift})"


def summed_by_size(entries: str) -> str:
    """SQL of the rows of `rollup_sum` that the rows of `entries` (unit, field, kind, day, effective_on, n) amount to.

    Sorted by key: two writers that meet in a month must not wait for each other in a circle.
    """
    sizes = " UNION ALL ".join(
        f"SELECT unit, '{size}' AS size, {_begin(size, 'day')} AS day, {_begin(size, 'effective_on')} AS effective_on, "
        f"field, kind, n FROM {entries}"
        for size in (MONTH, YEAR)
    )
    return f"""
        SELECT unit, size, day, effective_on, field, kind, sum(n)::int AS n FROM ({sizes}) AS sized
        GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5, 6
    """


EFFECTIVE = """(
    SELECT unit, field, kind, CASE WHEN day < $2 THEN $2 - 1 ELSE $2 END AS day, sum(n)::int AS n FROM (
      SELECT unit, field, kind, day, n FROM rollup_sum
      WHERE unit = ANY($1::text[]) AND size = 'year' AND day < $7 AND effective_on < $5
      UNION ALL
      SELECT unit, field, kind, day, n FROM rollup_sum
      WHERE unit = ANY($1::text[]) AND size = 'month' AND day >= $7 AND day <> $6 AND effective_on < $4
      UNION ALL
      SELECT unit, field, kind, day, n FROM rollup_sum
      WHERE unit = ANY($1::text[]) AND size = 'month' AND effective_on >= $5 AND effective_on < $4 AND day < $7
      UNION ALL
      SELECT unit, field, kind, day, n FROM rollup
      WHERE unit = ANY($1::text[]) AND effective_on >= $4 AND effective_on <= $3
      UNION ALL
      SELECT unit, field, kind, day, n FROM rollup
      WHERE unit = ANY($1::text[]) AND day >= $6 AND day < $8 AND effective_on < $4
    ) AS parts GROUP BY 1, 2, 3, 4
) AS effective"""
"""Every entry effective by $3, each exactly once: what `FROM rollup WHERE effective_on <= $3` would give, summed by the
side of $2 on which its day lies. Years that ended before the year of $2, then months, then the days of the month in
which $3 lies ($4 …) and of the one in which $2 lies ($6 …), when they are not whole.
"""


def arguments(units: Sequence[str], begin: date, end: date) -> tuple[Any, ...]:
    """$1 … $8 of `EFFECTIVE` for a window, both dates inclusive."""
    after = end if end == date.max else end + timedelta(days=1)
    cut = month_of(begin)
    if cut == begin:  # the window begins with a month: no month has days on both sides of it
        cut = upto = date.min
    else:
        upto = month_of(cut + timedelta(days=31))
    return list(units), begin, end, month_of(after), year_of(after), cut, year_of(begin), upto
