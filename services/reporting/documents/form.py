"""The names of periods, as documents print them."""

from __future__ import annotations

from services.reporting import messages
from shared.calendar_periods import calendar_period, is_calendar
from shared.periods import UnknownPeriod, parse_period


def period_title(code: str) -> str:
    """`2025-Q4` → `Quý IV/2025`, `2026-6M` → `6 tháng đầu năm 2026`; any other text is an ad-hoc window."""
    if is_calendar(code):
        return _calendar_title(code)
    try:
        parsed = parse_period(code)
    except UnknownPeriod:
        return messages.AD_HOC
    if parsed.quarter:
        return messages.QUARTER.format(quarter=("I", "II", "III", "IV")[parsed.quarter - 1], year=parsed.year)
    wording = {6: messages.SIX_MONTHS, 9: messages.NINE_MONTHS}.get(parsed.through or 12, messages.YEAR)
    return wording.format(year=parsed.year)


def _calendar_title(code: str) -> str:
    days = calendar_period(code)
    if "Q" in code:
        quarter = ("I", "II", "III", "IV")[days.end.month // 3 - 1]
        return messages.CALENDAR_QUARTER.format(quarter=quarter, year=days.end.year)
    if "-" in code:
        return messages.CALENDAR_MONTH.format(month=f"{days.end.month:02d}", year=days.end.year)
    return messages.CALENDAR_YEAR.format(year=days.end.year)
