"""When people work: random instants inside the working hours of a calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random

from shared.localtime import LOCAL, local_date
from shared.workdays import Calendar

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, LOCAL)


class Office:
    """Draws from one unit's random stream, so that units never disturb each other."""

    def __init__(self, calendar: Calendar, random: Random) -> None:
        self._calendar, self._random = calendar, random
        self.is_open = cache(calendar.is_working)
        self.days_after = cache(calendar.add_working_days)
        self._minutes = cache(lambda day: calendar.working_minutes_between(midnight(day), midnight(day + DAY)))

    def instant(self, day: date, share: float) -> datetime:
        """The instant of a working day by which `share` (0 to under 1) of its working time has passed."""
        return self._at_minute(day, int(self._minutes(day) * share))

    def sometime(self, day: date, after: datetime) -> datetime:
        """A random working instant of the day, or of the first one later that leaves time after `after`."""
        day = max(day, local_date(after))
        while True:
            if self.is_open(day):
                passed = self._calendar.working_minutes_between(midnight(day), after) if after > midnight(day) else 0
                first = passed + 2 if passed else 0
                if first < self._minutes(day):
                    return self._at_minute(day, self._random.randrange(first, self._minutes(day)))
            day += DAY

    def later(self, after: datetime, minutes: int) -> datetime:
        """Some working minutes later, at least two, in working time."""
        start = self._calendar.add_working_minutes(after.replace(second=0, microsecond=0), max(2, minutes))
        return self._into_work(start).replace(second=self._random.randrange(60))

    def days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and with `end`."""
        return sum(self.is_open(start + DAY * number) for number in range(1, (end - start).days + 1))

    def _at_minute(self, day: date, minute: int) -> datetime:
        start = self._calendar.add_working_minutes(midnight(day), minute)
        return self._into_work(start).replace(second=self._random.randrange(60))

    def _into_work(self, instant: datetime) -> datetime:
        """Where one shift ends and the next has not begun, the next begins."""
        if self._calendar.working_minutes_between(instant, instant + MINUTE) >= 1:
            return instant
        return self._calendar.add_working_minutes(instant, 1) - MINUTE


@cache
def midnight(day: date) -> datetime:
    return at(day, time())
