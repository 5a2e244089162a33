"""The clocks again, minute by minute and without cleverness, to be compared with shared/clocks.py.

It shares no code with it: holidays are listed by hand, office hours are looked at minute by minute, pauses are walked
through one minute at a time on a long table. Only tests use it.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime, timedelta, timezone

HANOI = timezone(timedelta(hours=7))
FIRST = date(2025, 12, 1)
DAYS = 400
OFF = {
    date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 16), date(2026, 2, 17), date(2026, 2, 18), date(2026, 2, 19),
    date(2026, 2, 20), date(2026, 4, 27), date(2026, 4, 30), date(2026, 5, 1), date(2026, 8, 31), date(2026, 9, 1),
    date(2026, 9, 2), date(2026, 11, 24), date(2027, 1, 1),
}  # fmt: skip
WORKED = {date(2026, 1, 10), date(2026, 8, 22)}


def is_open_day(day: date) -> bool:
    if day in WORKED:
        return True
    return day.weekday() not in (5, 6) and day not in OFF


def is_open_minute(minute: int) -> bool:
    """Whether the office works during the minute that begins so many minutes after the first midnight."""
    clock = minute % 1440
    morning, afternoon = 450 <= clock < 690, 810 <= clock < 1020
    return (morning or afternoon) and is_open_day(FIRST + timedelta(days=minute // 1440))


OPEN = [minute for minute in range(DAYS * 1440) if is_open_minute(minute)]
"""Every minute that is worked, in order."""


def to_minute(instant: datetime) -> int:
    return int((instant - datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=HANOI)) / timedelta(minutes=1))


def to_instant(minute: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=HANOI) + timedelta(minutes=minute)


def worked_between(begin: int, end: int) -> int:
    if end < begin:
        return -worked_between(end, begin)
    return bisect_left(OPEN, end) - bisect_left(OPEN, begin)


def after_working(start: int, minutes: int) -> int:
    """When so many worked minutes have passed: just after the last of them; backwards, where the first of them begins."""
    if minutes == 0:
        return start
    at = bisect_left(OPEN, start)
    return OPEN[at + minutes - 1] + 1 if minutes > 0 else OPEN[at + minutes]


def after_working_by_walking(start: int, minutes: int) -> int:
    """The same without the table: look at one minute after the other."""
    minute = start
    while minutes > 0:
        minutes -= is_open_minute(minute)
        minute += 1
    while minutes < 0:
        minute -= 1
        minutes += is_open_minute(minute)
    return minute


def nth_open_day(day: date, number: int) -> date:
    while number > 0:
        day += timedelta(days=1)
        if is_open_day(day):
            number -= 1
    return day


def whole(amount: int, unit: str, start: int, how: dict[str, object]) -> int:
    """End of a whole limit, as minutes; `how` holds the four ways of counting as words."""
    day = FIRST + timedelta(days=start // 1440)
    if how["nonworking_receipt"] == "next_working_day" and not is_open_day(day):
        day = nth_open_day(day, 1)
        start = to_minute(datetime(day.year, day.month, day.day, 7, 30, tzinfo=HANOI))
    if unit == "working_hour":
        return after_working(start, amount * 60)
    if unit == "hour":
        return start + amount * 60
    if unit == "same_day":
        late = start % 1440 > 15 * 60
        last = nth_open_day(day, 1) if late or not is_open_day(day) else day
        return to_minute(datetime(last.year, last.month, last.day, 17, tzinfo=HANOI))
    if unit == "working_day":
        number = amount - 1 if how["count_receipt_day"] and is_open_day(day) else amount
        last = nth_open_day(day, number)
    elif unit == "day":
        last = day + timedelta(days=amount - 1 if how["count_receipt_day"] else amount)
    else:
        last = day
        for _ in range(amount):
            last = date(last.year + (last.month == 12), last.month % 12 + 1, 1)
        while (last + timedelta(days=1)).month == last.month and last.day < day.day:
            last += timedelta(days=1)
    clock = start % 1440 if how["due_time"] == "same_hour" else 17 * 60
    clock = max(7 * 60 + 30, min(17 * 60, clock))
    return to_minute(datetime(last.year, last.month, last.day, tzinfo=HANOI)) + clock


def due(
    limit: tuple[int, str],
    start: int,
    pauses: list[tuple[int, int]],
    how: dict[str, object],
    restart: tuple[int, str] | None,
) -> int:
    """The minute at which the time is over; `restart` is the limit that an answer begins anew, or nothing to resume."""
    working = limit[1] in ("working_day", "working_hour", "same_day")
    end = whole(*limit, start, how)
    for began, ended in pauses:
        if restart is not None:
            end = whole(*restart, ended, how)
        elif working:
            end = after_working(ended, worked_between(began, end))
        else:
            end = ended + (end - began)
    if (restart if restart is not None and pauses else limit)[1] in ("day", "month"):
        day = FIRST + timedelta(days=end // 1440)
        if not is_open_day(day):
            day = nth_open_day(day, 1)
            end = to_minute(datetime(day.year, day.month, day.day, 17, tzinfo=HANOI))
    return end
