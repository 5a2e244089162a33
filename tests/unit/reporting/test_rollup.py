"""Where report months and years begin, and which parts of the rollup a window is made of."""

from __future__ import annotations

from datetime import date

import pytest

from services.reporting.repository.rollup import arguments, month_of, year_of


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [
        ("2025-12-14", "2025-11-15", "2024-12-15"),
        ("2025-12-15", "2025-12-15", "2025-12-15"),
        ("2026-01-01", "2025-12-15", "2025-12-15"),
        ("2026-01-15", "2026-01-15", "2025-12-15"),
        ("2024-03-14", "2024-02-15", "2023-12-15"),
        ("0001-01-01", "0001-01-01", "0001-01-01"),
    ],
)
def test_months_begin_on_the_15th_and_years_on_15_december(day: str, month: str, year: str) -> None:
    assert month_of(date.fromisoformat(day)).isoformat() == month
    assert year_of(date.fromisoformat(day)).isoformat() == year


def test_a_quarter_is_whole_months_and_another_window_reads_the_days_of_two_months() -> None:
    *_, after, year_after, cut, year_begin, upto = arguments(["10966"], date(2025, 9, 15), date(2025, 12, 14))
    assert (after, year_after, year_begin) == (date(2025, 12, 15), date(2025, 12, 15), date(2024, 12, 15))
    assert cut == upto == date.min
    *_, after, year_after, cut, year_begin, upto = arguments(["10966"], date(2025, 7, 1), date(2025, 12, 31))
    assert (after, year_after, year_begin) == (date(2025, 12, 15), date(2025, 12, 15), date(2024, 12, 15))
    assert (cut, upto) == (date(2025, 6, 15), date(2025, 7, 15))


def test_the_first_and_the_last_day_of_the_calendar_are_windows_too() -> None:
    assert arguments(["10966"], date.min, date.max)[3:5] == (date(9999, 12, 15), date(9999, 12, 15))
