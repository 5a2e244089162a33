"""What makes a source's stream good or bad, counted by local day of recording; pure, time is an argument."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from shared.localtime import local_date, start_of_day
from shared.workdays import Calendar

FACTS = ("field", "procedure", "due_at", "channel")
"""What a reception should say."""
LEAST_OF_A_SERIES = 5
"""Numbers that make a series; fewer may be a coincidence, such as a date at the end of an id."""
LONGEST_SERIES = 10_000
"""Numbers of one series that are looked at; what spans more is no running number."""
_TAIL = re.compile(r"(?s)(.*?)([0-9]{1,15})\Z")


class What(StrEnum):
    """What is counted beside the journal; `detail` is the unit of accepted ones and the field of rejected ones."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    REJECTED = "rejected"


class Count(NamedTuple):
    """The key of one counter."""

    source: str
    day: date
    what: What
    detail: str = ""


class Said(NamedTuple):
    """One statement with its verdict, as far as the scorecard cares; in the order in which it came in."""

    source: str
    unit: str
    time: datetime
    accepted: bool
    is_live: bool


def tally(said: Sequence[Said], newest: Mapping[str, datetime], now: datetime) -> Counter[Count]:
    """What one batch adds. `newest` is how new each source's newest statement was before it.

    Out of order is an accepted live statement that is older than the newest one before it; a file's order says nothing.
    """
    counts, day, so_far = Counter[Count](), local_date(now), dict(newest)
    for one in said:
        if not one.accepted:
            counts[Count(one.source, day, What.DUPLICATE)] += 1
            continue
        counts[Count(one.source, day, What.ACCEPTED, one.unit)] += 1
        before = so_far.get(one.source, one.time)
        if one.is_live and one.time < before:
            counts[Count(one.source, day, What.OUT_OF_ORDER)] += 1
        so_far[one.source] = max(before, one.time)
    return counts


class Numbered(NamedTuple):
    """An id that ends in digits: `hp-onestop-000187` is number 187 of `hp-onestop-`, at least six digits wide."""

    prefix: str
    number: int
    width: int

    def at(self, number: int) -> str:
        """The id of another number of the same series."""
        return f"{self.prefix}{number:0{self.width}}"


def numbered(id_: str) -> Numbered | None:
    """The number at the end of an id; `None` without one, or with more digits than a running number has."""
    found = _TAIL.match(id_)
    if found is None or found[1][-1:].isdigit():
        return None
    return Numbered(found[1], int(found[2]), len(found[2]) if found[2].startswith("0") else 1)


def between(first: str, last: str) -> list[str] | None:
    """Every id from `first` to `last`, both included; `None` when they are not numbers of one series, in order.

    Raises `RangeTooLong`.
    """
    begin, end = numbered(first), numbered(last)
    if begin is None or end is None or begin.prefix != end.prefix or begin.number > end.number:
        return None
    if end.number - begin.number >= LONGEST_SERIES:
        raise RangeTooLong(end.number - begin.number + 1)
    return [begin.at(number) for number in range(begin.number, end.number + 1)]


class RangeTooLong(ValueError):
    """More ids than one question may ask for."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} ids are too many for one question; ask for at most {LONGEST_SERIES:,}")


@dataclass(frozen=True, kw_only=True)
class Series:
    """Running numbers of one day: the first that was due, the last that came, and how many came."""

    prefix: str
    width: int
    first: int
    last: int
    count: int

    @property
    def is_running(self) -> bool:
        """Numbers that come one after another; random ones (domain.md §2.6) leave more holes than numbers."""
        span = self.last - self.first + 1
        return self.count >= LEAST_OF_A_SERIES and self.count * 2 >= span and span <= LONGEST_SERIES

    def ids(self) -> list[str]:
        one = Numbered(self.prefix, self.first, self.width)
        return [one.at(number) for number in range(self.first, self.last + 1)]


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Numbers that never came: how many, and some of them."""

    missing: int = 0
    examples: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Card:
    """One source on one local day of recording; delays in seconds, silence in office minutes."""

    day: date
    accepted: int = 0
    duplicate: int = 0
    out_of_order: int = 0
    rejected: int = 0
    rejected_fields: Mapping[str, int] = field(default_factory=dict)
    delay_p50: int | None = None
    delay_p95: int | None = None
    received: int = 0
    missing_facts: Mapping[str, int] = field(default_factory=dict)
    reopened: int = 0
    backward: int = 0
    code_date_differs: int = 0
    id_gaps: Gaps = Gaps()
    code_gaps: Gaps = Gaps()
    longest_silence: int = 0


def longest_silence(day: date, heard: Sequence[datetime], calendar: Calendar, now: datetime) -> int:
    """The longest stretch of a day's office hours without a word, in office minutes; a day off has none."""
    opens, closes = (start_of_day(day) + since for since in (calendar.shifts[0][0], calendar.shifts[-1][1]))
    end = min(closes, now)
    if end <= opens:
        return 0
    points = [opens, *sorted(one for one in heard if opens < one < end), end]
    return max(calendar.working_minutes_between(*pair) for pair in pairwise(points))


def quiet_minutes(last_recorded_at: datetime, now: datetime, calendar: Calendar) -> int:
    """Office minutes since a source was last heard; nights and days off are no silence."""
    return max(0, calendar.working_minutes_between(last_recorded_at, now))
