"""Clocks of a dossier: a limit is a budget of time, a pause keeps what is left of it or starts it anew.

Pure arithmetic over a calendar; which limit a procedure has, and what was promised, is not known here. Instants are
aware. A budget is kept in whole minutes: office minutes for working days and working hours, elapsed ones otherwise.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from shared.limits import Limit, LimitUnit
from shared.localtime import LOCAL, local_date, start_of_day
from shared.workdays import MINUTE, Calendar


class OnPause(StrEnum):
    """What an answer does to the limit (domain.md §2.2, policies A and B)."""

    RESUME = "resume"
    RESTART = "restart"


class DueTime(StrEnum):
    """When on its last day a limit in days ends."""

    END_OF_DAY = "end_of_day"
    SAME_HOUR = "same_hour"


class NonworkingReceipt(StrEnum):
    """From when a reception on a day off counts."""

    AS_IS = "as_is"
    NEXT_WORKING_DAY = "next_working_day"


@dataclass(frozen=True, kw_only=True)
class Counting:
    """How limits are counted; every default is assumed, not found in a law (domain.md §2.1), and is data elsewhere."""

    count_receipt_day: bool = False
    due_time: DueTime = DueTime.END_OF_DAY
    nonworking_receipt: NonworkingReceipt = NonworkingReceipt.AS_IS
    same_day_until: time = time(15)
    """Taken in later than this, what is due the same day is due the next working day."""


@dataclass(frozen=True, kw_only=True)
class Pause:
    """The clock stood still from `began_at`; without `ended_at` it still does."""

    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a clock shows: the instant at which its time is over, or, while it stands still, the minutes it has left.

    `left_minutes` are office minutes for a working limit, elapsed ones otherwise; negative when time was already over.
    """

    due_at: datetime | None = None
    left_minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Measures one limit on one calendar.

    `restart_limit` is what a restart gives instead of the whole limit (1.011518: 6 working days).
    """

    calendar: Calendar
    limit: Limit
    counting: Counting = Counting()
    on_pause: OnPause = OnPause.RESUME
    restart_limit: Limit | None = None

    def read(self, start: datetime, pauses: Iterable[Pause] = ()) -> Reading:
        """Read the clock that started at `start`; `pauses` in order, apart from each other, only the last one open.

        Raises `ValueError` for a limit of unknown unit.
        """
        limit = self.limit
        due_at = self._end_of(limit, start)
        for pause in pauses:
            left = self._left(limit, pause.began_at, due_at)
            if pause.ended_at is None:
                return Reading(left_minutes=left)
            if self.on_pause is OnPause.RESTART:
                limit = self.restart_limit or self.limit
                due_at = self._end_of(limit, pause.ended_at)
            else:
                due_at = self._after(limit, pause.ended_at, left)
        return Reading(due_at=self._rolled(limit, due_at))

    def _end_of(self, limit: Limit, start: datetime) -> datetime:
        """When the whole limit ends, before a last day off is moved."""
        begin = self._counted_from(start.astimezone(LOCAL))
        day = local_date(begin)
        match limit.unit:
            case LimitUnit.WORKING_HOUR:
                return self.calendar.add_working_minutes(begin, limit.amount * 60)
            case LimitUnit.HOUR:
                return begin + timedelta(hours=limit.amount)
            case LimitUnit.SAME_DAY:
                in_time = self.calendar.is_working(day) and begin.time() <= self.counting.same_day_until
                return self._closing(day if in_time else self.calendar.add_working_days(day, 1))
            case LimitUnit.WORKING_DAY:
                own = self.counting.count_receipt_day and self.calendar.is_working(day)
                return self._on_last_day(self.calendar.add_working_days(day, limit.amount - own), begin)
            case LimitUnit.DAY:
                days = limit.amount - self.counting.count_receipt_day
                return self._on_last_day(day + timedelta(days=days), begin)
            case LimitUnit.MONTH:
                return self._on_last_day(_months_after(day, limit.amount), begin)
            case LimitUnit.UNKNOWN:
                raise ValueError(f"the limit {limit.amount} has no unit (a person has to confirm one)")

    def _counted_from(self, start: datetime) -> datetime:
        as_is = self.counting.nonworking_receipt is NonworkingReceipt.AS_IS
        if as_is or self.calendar.is_working(start.date()):
            return start
        return start_of_day(self.calendar.add_working_days(start.date(), 1)) + self.calendar.shifts[0][0]

    def _on_last_day(self, day: date, start: datetime) -> datetime:
        if self.counting.due_time is DueTime.END_OF_DAY:
            return self._closing(day)
        clock = start - start_of_day(start.date())
        opening, closing = self.calendar.shifts[0][0], self.calendar.shifts[-1][1]
        return start_of_day(day) + min(max(clock, opening), closing)

    def _closing(self, day: date) -> datetime:
        return start_of_day(day) + self.calendar.shifts[-1][1]

    def _left(self, limit: Limit, at: datetime, due_at: datetime) -> int:
        if _is_working_time(limit):
            return self.calendar.working_minutes_between(at, due_at)
        return (due_at - at) // MINUTE

    def _after(self, limit: Limit, at: datetime, left: int) -> datetime:
        if _is_working_time(limit):
            return self.calendar.add_working_minutes(at, left)
        return at.astimezone(LOCAL) + left * MINUTE

    def _rolled(self, limit: Limit, due_at: datetime) -> datetime:
        """A limit in calendar days or months that ends on a day off ends with the next working day.

        Bộ luật Dân sự 2015 Điều 148 khoản 5 (assumed to hold for administrative limits).
        """
        day = local_date(due_at)
        if limit.unit not in (LimitUnit.DAY, LimitUnit.MONTH) or self.calendar.is_working(day):
            return due_at
        return self._closing(self.calendar.add_working_days(day, 1))


def _is_working_time(limit: Limit) -> bool:
    return limit.unit in (LimitUnit.WORKING_DAY, LimitUnit.WORKING_HOUR, LimitUnit.SAME_DAY)


def _months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a month that has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def fits(promised: date, readings: Sequence[Reading]) -> bool:
    """Whether a promised date is the one that some case's clock shows; dates are compared, never times."""
    return any(one.due_at is not None and local_date(one.due_at) == promised for one in readings)
