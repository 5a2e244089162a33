"""What an alert is: a rule that matches an event, once per event and receiver; decided without looking anything up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shared.localtime import local_date, start_of_day
from shared.workdays import Calendar

DIGEST = "digest"
MAX_RETRY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which event, under which conditions, tells whom by which template."""

    id: str
    event: str
    to: tuple[str, ...]
    template: str
    urgency: str = "normal"
    where: Mapping[str, Sequence[Any]]


def event_name(subject: str) -> str:
    """`dossier.v1.10966.overdue` → `dossier.overdue`."""
    stream, _, _, event = subject.split(".")
    return f"{stream}.{event}"


def matches(rule: Rule, data: Mapping[str, Any]) -> bool:
    """Whether the event's data meets every condition of the rule; a missing value meets none."""
    return all(_at(data, path) in wanted for path, wanted in rule.where.items())


def _at(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def is_stale(happened_on: date, today: date, *, working_days: int, after: int) -> bool:
    """What happened long before it was recorded is counted and listed, but nobody is alerted (contracts.md §4)."""
    return happened_on < today and working_days > after


def send_at(urgency: str, now: datetime, calendar: Calendar) -> datetime:
    """When an alert may leave: at once, or for a digest when the office next opens; in the evening nobody could act."""
    if urgency != DIGEST:
        return now
    day = local_date(now)
    opens = start_of_day(day) + calendar.shifts[0][0]
    if not calendar.is_working(day) or now >= opens:
        opens = start_of_day(calendar.add_working_days(day, 1)) + calendar.shifts[0][0]
    return opens


def next_pause(attempts: int, first: timedelta) -> timedelta:
    """The pause after that many failed attempts: doubling, an hour at most."""
    return min(MAX_RETRY, first * float(2 ** min(attempts - 1, 20)))
