"""Dates as sheets write them: RFC 3339, `2025-11-03 08:30`, `03/11/2025 08:30`; without an offset, local time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from functools import lru_cache

from shared.localtime import LOCAL

END_OF_OFFICE = time(17)
YEARS = range(1900, 2200)
"""What lies outside is a placeholder such as 31/12/9999, on which later arithmetic would overflow."""

_TIME = r"(?P<hour>\d{1,2})[:hH](?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?"
_OFFSET = r"(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?"
_SHAPES = tuple(
    re.compile(shape, re.ASCII)
    for shape in (
        rf"(?P<year>\d{{4}})[-/](?P<month>\d{{1,2}})[-/](?P<day>\d{{1,2}})(?:[Tt ]{_TIME} ?{_OFFSET})?",
        rf"(?P<day>\d{{1,2}})[/.-](?P<month>\d{{1,2}})[/.-](?P<year>\d{{4}})(?:,? {_TIME})?",
        rf"{_TIME},? (?P<day>\d{{1,2}})[/.-](?P<month>\d{{1,2}})[/.-](?P<year>\d{{4}})",
    )
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A local instant as a sheet states it; a date without a time stands at midnight until the row says more."""

    at: datetime
    date_only: bool

    def behind(self, *earlier: datetime) -> datetime:
        """The instant, moved within its own day behind earlier steps when the sheet gives no time of day."""
        if not self.date_only:
            return self.at
        return max([self.at, *(step for step in earlier if step.date() == self.at.date())])

    def by_end_of_office(self) -> datetime:
        """The instant; a promise without a time of day holds until the office closes."""
        return datetime.combine(self.at.date(), END_OF_OFFICE, LOCAL) if self.date_only else self.at


@lru_cache(20_000)
def read_moment(text: str) -> Moment:
    """Read one date; raises `ValueError` for what is none, `31/02/2026` among it."""
    if (
        len(text) == 25 and text[4] == text[7] == "-" and text[10] == "T"
    ):  # the contract's own form, at a third of the cost
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None and at.year in YEARS:
            return Moment(at.astimezone(LOCAL), False)
    for shape in _SHAPES:
        if match := shape.fullmatch(text):
            return _moment(match.groupdict())
    raise ValueError(text)


def _moment(parts: dict[str, str | None]) -> Moment:
    year, month, day, hour, minute, second = (
        int(parts[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    if year not in YEARS:
        raise ValueError(year)
    microsecond = int((parts["fraction"] or "").ljust(6, "0")[:6])
    at = datetime(year, month, day, hour, minute, second, microsecond, _zone(parts.get("offset")))
    return Moment(at.astimezone(LOCAL), parts["hour"] is None)


@lru_cache(64)
def _zone(offset: str | None) -> timezone:
    if offset is None:
        return LOCAL
    if offset in "Zz":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if minutes > 59:
        raise ValueError(offset)
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(-distance if offset[0] == "-" else distance)
