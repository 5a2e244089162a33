"""Everything that clocks are computed from, as one value with a fingerprint: calendar, procedures, ways of counting."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from shared.procedures import Catalogue, ClockRules, load_catalogue, load_clock_rules
from shared.rules import load
from shared.workdays import Calendar, CalendarRules, build_calendar, load_calendar

Content = dict[str, dict[str, str]]
"""What a book says, to be compared with another: `calendar` by unit and day, `procedure` by code, `counting`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Calendars:
    """The calendar as it is known now, and as it was known on an earlier day."""

    now: Calendar
    since: Sequence[date]
    """Days on which something became known, ascending; before the first only the public holidays were."""
    then: Sequence[Calendar]
    """What was known before the first of them, and from each on."""

    def known_on(self, day: date) -> Calendar:
        return self.then[bisect_right(self.since, day)]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClockBook:
    """One edition of the rules; two with the same fingerprint compute the same clocks."""

    calendars: Calendars
    catalogue: Catalogue
    rules: ClockRules
    content: Content
    fingerprint: str


def load_book(rules_root: Path) -> ClockBook:
    """Read the book from the rule files; raises `RuleError`. Takes some 0.2 s for each day of notice in the calendar."""
    calendar = load_calendar(rules_root)
    corrections = load(rules_root / "calendars" / "vn.yaml", CalendarRules)
    since = sorted({entry.known_since for entry in corrections.days})
    before = [date.min, *since]
    calendars = Calendars(now=calendar, since=since, then=[build_calendar(corrections, day) for day in before])
    return make_book(calendars, load_catalogue(rules_root), load_clock_rules(rules_root))


def make_book(calendars: Calendars, catalogue: Catalogue, rules: ClockRules) -> ClockBook:
    """A book from its parts."""
    content: Content = {
        "calendar": _days(calendars.now) | {"hours": repr(calendars.now.shifts)},
        "procedure": {code: _hash(one.model_dump_json()) for code, one in catalogue.procedures.items()},
        "counting": {"clocks.yaml": _hash(rules.model_dump_json())},
    }
    # what was known when decides whether a promise differs, so it belongs to the edition as well
    known = [[str(day), _days(one)] for day, one in zip([date.min, *calendars.since], calendars.then, strict=True)]
    fingerprint = _hash(msgspec.json.encode([content, known], order="sorted").decode())
    return ClockBook(
        calendars=calendars, catalogue=catalogue, rules=rules, content=content, fingerprint=fingerprint[:16]
    )


def changes(before: Content, after: Content) -> str:
    """Why clocks of one book differ from those of another, in words: `calendar: 2026-01-02 off; procedure: 1.004873`."""
    told = []
    for part in ("calendar", "procedure", "counting"):
        old, new = before.get(part, {}), after.get(part, {})
        keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        words = [_word(part, key, new) for key in keys[:20]] + (["…"] if len(keys) > 20 else [])
        if words:
            told.append(f"{part}: {', '.join(words)}")
    return "; ".join(told) or "calendar: notice of a known day"


def _word(part: str, key: str, new: Mapping[str, str]) -> str:
    if part != "calendar":
        return key if key in new else f"{key} removed"
    if key == "hours":
        return "office hours"
    return f"{key} {new.get(key, 'as the week has it')}"


def _days(calendar: Calendar) -> dict[str, str]:
    """Every day that differs from Monday to Friday, with closures of single units as `10966 2026-01-02`."""
    found = _own_days(calendar)
    for unit, own in calendar.units.items():
        found |= {f"{unit} {day}": kind for day, kind in _own_days(own).items() if found.get(day) != kind}
        found |= {f"{unit} {day}": "open" for day in found.keys() & _own_days(calendar).keys() - _own_days(own).keys()}
    return found


def _own_days(calendar: Calendar) -> dict[str, str]:
    off = {str(day): "off" for day in calendar.days_off if day.weekday() < 5 and day not in calendar.worked}
    return off | {str(day): "worked" for day in calendar.worked if day.weekday() >= 5}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
