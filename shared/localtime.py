"""Local time of the whole country: Asia/Ho_Chi_Minh, +07:00, no daylight saving."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

LOCAL = timezone(timedelta(hours=7), "+07:00")


def local_date(instant: datetime) -> date:
    """The date on a calendar in Vietnam at an aware instant."""
    return instant.astimezone(LOCAL).date()


def start_of_day(day: date) -> datetime:
    """Local midnight that opens the day."""
    return datetime.combine(day, time.min, LOCAL)


def end_of_day(day: date) -> datetime:
    """Local midnight that closes the day: the exclusive upper bound of what happened on it."""
    return start_of_day(day + timedelta(days=1))
