"""Working days and office hours: what counts as *ngày làm việc* and *giờ làm việc* in a unit.

Days are local dates; instants are aware and are judged at +07:00. Which text promised how many days is not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import holidays
from pydantic import Field, model_validator

from shared.localtime import LOCAL, start_of_day
from shared.rules import Lines, RuleError, RuleModel, load_located

DAY, MINUTE, NO_TIME = timedelta(days=1), timedelta(minutes=1), timedelta(0)


class DayKind(StrEnum):
    OFF = "off"
    WORKED = "worked"


class CalendarDay(RuleModel):
    """One correction, for all units or one: a day off, or a day off that is worked; known since its notice."""

    day: date = Field(alias="date")
    kind: DayKind
    name_vi: str
    known_since: date
    source: str
    unit: str | None = Field(default=None, pattern=r"^[0-9]{5}$")


class Shift(RuleModel):
    """Office hours without a break, local time."""

    begin: time
    end: time


class CalendarRules(RuleModel):
    """`calendars/vn.yaml`: the years to take holidays for, the office hours of a working day, the corrections."""

    id: str
    first_year: int = Field(ge=1990)
    last_year: int = Field(le=2098)
    office_hours: Annotated[tuple[Shift, ...], Field(min_length=1)]
    days: tuple[CalendarDay, ...] = ()

    @model_validator(mode="after")
    def _hours_run_forward(self) -> Self:
        clock = [moment for shift in self.office_hours for moment in (shift.begin, shift.end)]
        if any(earlier >= later for earlier, later in pairwise(clock)):
            raise ValueError("office_hours must run forward without overlap (correct begin and end)")
        return self


@dataclass(frozen=True, kw_only=True, eq=False)
class Calendar:
    """Working days and hours of one unit, or of every unit without closures of its own.

    Outside the years of its rules it knows no holidays: Monday to Friday work.
    """

    days_off: Mapping[date, str]
    """Holidays and closures by their Vietnamese names, also those that fall on a weekend."""
    worked: frozenset[date]
    """Days of a weekend that are worked instead of another day."""
    shifts: tuple[tuple[timedelta, timedelta], ...]
    """Begin and end of the office hours since midnight."""
    units: Mapping[str, Calendar] = field(default_factory=dict)

    def for_unit(self, unit: str) -> Calendar:
        """The calendar with the unit's own closures."""
        return self.units.get(unit, self)

    def is_working(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.days_off)

    def day_off_name(self, day: date) -> str | None:
        """Vietnamese name of the holiday or closure; nothing for a working day or an ordinary weekend."""
        return None if self.is_working(day) else self.days_off.get(day)

    def add_working_days(self, start: date, days: int) -> date:
        """The n-th working day after `start`, itself not counted; a negative number counts back, 0 is `start`."""
        step, day = DAY if days > 0 else -DAY, start
        left = abs(days)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end`: how many to add; negative when `end` is earlier."""
        skipped = 1 if end >= start else 0
        first, last = start.toordinal() + skipped, end.toordinal() + skipped
        return self._working_days_before(last) - self._working_days_before(first)

    def working_minutes_between(self, start: datetime, end: datetime) -> int:
        """Office hours from `start` to `end` in whole minutes, rounded down; negative when `end` is earlier."""
        if end < start:
            return -self.working_minutes_between(end, start)
        return (self._worked_before(end.astimezone(LOCAL)) - self._worked_before(start.astimezone(LOCAL))) // MINUTE

    def add_working_minutes(self, instant: datetime, minutes: int) -> datetime:
        """The instant, at +07:00, by which so many minutes of office hours have passed; a negative number counts back.

        Where a shift ends exactly then, it is that end and not the beginning of the next; 0 is `instant` itself.
        """
        local = instant.astimezone(LOCAL)
        if not minutes:
            return local
        day = local.date() if self.is_working(local.date()) else self.add_working_days(local.date(), 1)
        worked = self._worked_on_day(local) + minutes * MINUTE
        days = -(-worked // self._day_length) - 1 if minutes > 0 else worked // self._day_length
        return self._moment(self.add_working_days(day, days), worked - days * self._day_length, at_end=minutes > 0)

    def _working_days_before(self, ordinal: int) -> int:
        weeks, rest = divmod(ordinal - 1, 7)  # ordinal 1, 01/01/0001, is a Monday
        return weeks * 5 + min(rest, 5) - bisect_left(self._lost, ordinal) + bisect_left(self._gained, ordinal)

    def _worked_before(self, local: datetime) -> timedelta:
        return self._working_days_before(local.toordinal()) * self._day_length + self._worked_on_day(local)

    def _worked_on_day(self, local: datetime) -> timedelta:
        """Working time of the instant's own day until the instant."""
        if not self.is_working(local.date()):
            return NO_TIME
        clock = local - start_of_day(local.date())
        return sum((max(NO_TIME, min(end, clock) - begin) for begin, end in self.shifts), NO_TIME)

    def _moment(self, day: date, worked: timedelta, *, at_end: bool) -> datetime:
        """When so much of a working day has passed; between two shifts the end of one or the begin of the next."""
        for begin, end in self.shifts:
            if worked < end - begin or (at_end and worked == end - begin):
                return start_of_day(day) + begin + worked
            worked -= end - begin
        raise AssertionError("more time than the day has")

    @cached_property
    def _day_length(self) -> timedelta:
        return sum((end - begin for begin, end in self.shifts), NO_TIME)

    @cached_property
    def _lost(self) -> list[int]:
        """Ordinals of the days from Monday to Friday that are not worked."""
        return sorted(day.toordinal() for day in self.days_off if day.weekday() < 5 and day not in self.worked)

    @cached_property
    def _gained(self) -> list[int]:
        """Ordinals of the weekend days that are."""
        return sorted(day.toordinal() for day in self.worked if day.weekday() >= 5)


def load_calendar(rules_root: Path, known_on: date | None = None) -> Calendar:
    """The calendar of `calendars/vn.yaml` over the public holidays; with `known_on` as it was known on that day.

    Raises `RuleError`. Takes some 0.2 s: call it once, where the service is built.
    """
    rules, lines = load_located(rules_root / "calendars" / "vn.yaml", CalendarRules)
    _refuse_doubles(rules, lines)
    return build_calendar(rules, known_on)


def build_calendar(rules: CalendarRules, known_on: date | None = None) -> Calendar:
    """As `load_calendar`, from rules at hand."""
    public = _public_holidays(rules.first_year, rules.last_year)
    shifts = tuple((_since_midnight(shift.begin), _since_midnight(shift.end)) for shift in rules.office_hours)
    known = [entry for entry in rules.days if known_on is None or entry.known_since <= known_on]
    common = [entry for entry in known if entry.unit is None]
    bare = Calendar(days_off=dict(public), worked=frozenset(public.weekend_workdays), shifts=shifts)
    whole = _correct(bare, common)
    closures = {entry.unit for entry in known if entry.unit is not None}
    own = {unit: _correct(whole, [entry for entry in known if entry.unit == unit]) for unit in closures}
    return replace(whole, units=own)


@cache
def _public_holidays(first_year: int, last_year: int) -> holidays.HolidayBase:
    """Only read by its callers; working them out takes longer than all the rest."""
    return holidays.country_holidays("VN", years=range(first_year, last_year + 1), language="vi")


def _correct(calendar: Calendar, corrections: Iterable[CalendarDay]) -> Calendar:
    days_off, worked = dict(calendar.days_off), set(calendar.worked)
    for entry in corrections:
        days_off.pop(entry.day, None)
        worked.discard(entry.day)
        if entry.kind is DayKind.OFF:
            days_off[entry.day] = entry.name_vi
        else:
            worked.add(entry.day)
    return replace(calendar, days_off=days_off, worked=frozenset(worked))


def _since_midnight(clock: time) -> timedelta:
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def _refuse_doubles(rules: CalendarRules, lines: Lines) -> None:
    seen = Counter[tuple[date, str | None]]()
    problems = []
    for index, entry in enumerate(rules.days):
        seen[entry.day, entry.unit] += 1
        if seen[entry.day, entry.unit] > 1:
            problems.append(lines.problem(("days", index, "date"), f"{entry.day} stands twice (remove one of the two)"))
    if problems:
        raise RuleError(problems)
