"""Obligations as data: `obligations.yaml`, checked against units, forms and periods; each mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from shared.periods import PeriodKind, PeriodRules
from shared.rules import Lines, RuleError, RuleModel, RuleProblem, load_located
from shared.units import Units

ALL = "all"
LAST_DAY_OF_EVERY_MONTH = 30
"""June and September, in which periods end, have no more."""


class PartyKind(StrEnum):
    CENTRE = "centre"
    DEPARTMENT = "department"
    UNIT = "unit"
    LEADERS = "leaders"
    CITY = "city"


class PartyEntry(RuleModel):
    """An agency, or somebody outside, by its slug."""

    kind: PartyKind
    name_vi: str


class Due(RuleModel):
    """A day of the period's last month (inclusive), or working days after the closing day."""

    day_of_month: int | None = None
    working_days_after_closing: int | None = Field(default=None, ge=1, le=250)
    if_nonworking: Literal["previous", "next", "none"] = "none"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.day_of_month is None) == (self.working_days_after_closing is None):
            raise ValueError("needs either day_of_month or working_days_after_closing (write one of the two)")
        return self


class Obligation(RuleModel):
    """One rung: who owes which form to whom for which kinds of period; without `due` it is a finding, never late."""

    id: str
    rung: str
    units: list[str] | Literal["all"]
    owed_by: str = Field(alias="from")
    owed_to: str = Field(alias="to")
    form: str
    periods: list[PeriodKind] = Field(min_length=1)
    due: Due | None = None
    remind_working_days_before: int = Field(default=0, ge=0, le=60)
    assumed: bool = False
    stated: str | None = None
    valid_from: date
    valid_to: date | None = None
    source: str

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} lies before valid_from {self.valid_from} (correct one)")
        return self

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class ObligationFile(RuleModel):
    """`obligations.yaml`: parties, groups of agencies that each answer for themselves, and the rungs."""

    parties: dict[str, PartyEntry]
    groups: dict[str, list[str]] = Field(default_factory=dict)
    obligations: list[Obligation]


Key = tuple[str, str, str, PeriodKind]
"""(owed by, owed to, form, kind of period)."""


class Obligations:
    """The rungs of every unit; a unit's own entry stands before the one for all units."""

    def __init__(self, file: ObligationFile) -> None:
        self.parties: Mapping[str, PartyEntry] = file.parties
        self._file = file

    @property
    def named_units(self) -> frozenset[str]:
        """Units that an entry names; they owe from their founding day on, whatever has been heard of them."""
        return frozenset(unit for one in self._file.obligations if one.units != ALL for unit in one.units)

    def in_force(self, unit: str, kind: PeriodKind, on: date) -> Iterator[tuple[str, Obligation]]:
        """(agency, rung) of a unit for periods of a kind that close on a day; groups are fanned out."""
        found = dict[Key, Obligation]()
        ordered = sorted(self._file.obligations, key=lambda one: one.units != ALL)  # a unit's own entries come last
        for one in ordered:
            if (one.units == ALL or unit in one.units) and kind in one.periods and one.holds_on(on):
                for agency in self.members(one.owed_by):
                    found[agency, one.owed_to, one.form, kind] = one
        for (agency, *_), one in found.items():
            yield agency, one

    def members(self, slug: str) -> Sequence[str]:
        """The agencies of a group, or the one agency."""
        return self._file.groups.get(slug, [slug])


def load_obligations(rules_root: Path, units: Units, periods: PeriodRules) -> Obligations:
    """The obligations of the rule folder; raises `RuleError` with file, line and field."""
    file, lines = load_located(rules_root / "obligations.yaml", ObligationFile)
    checks = (_wrong_groups(file, lines), _wrong_entries(file, lines, units, _forms(rules_root), periods))
    if problems := [problem for found in (*checks, _twice(file, lines)) for problem in found]:
        raise RuleError(problems)
    return Obligations(file)


def _forms(rules_root: Path) -> frozenset[str]:
    texts = (path.read_text("utf-8") for path in sorted((rules_root / "forms").rglob("*.yaml")))
    found = (re.search(r'^form:\s*["\']?([^"\'#\n]+?)["\']?\s*(?:#.*)?$', text, re.MULTILINE) for text in texts)
    return frozenset(one.group(1) for one in found if one)


def _wrong_groups(file: ObligationFile, lines: Lines) -> Iterator[RuleProblem]:
    for group, members in file.groups.items():
        if group in file.parties:
            yield lines.problem(("groups", group), f"{group!r} is an agency already (give the group another name)")
        for place, slug in enumerate(members):
            if slug not in file.parties:
                yield lines.problem(("groups", group, place), _unknown("agency", slug, file.parties))


def _wrong_entries(
    file: ObligationFile, lines: Lines, units: Units, forms: frozenset[str], periods: PeriodRules
) -> Iterator[RuleProblem]:
    for number, one in enumerate(file.obligations):
        at = ("obligations", number)
        for place, unit in enumerate(one.units if one.units != ALL else ()):
            if unit not in units:
                yield lines.problem((*at, "units", place), f"no unit has the code {unit!r} (five digits, in quotes)")
        if one.owed_by not in file.parties and one.owed_by not in file.groups:
            yield lines.problem(
                (*at, "from"), _unknown("agency or group", one.owed_by, {**file.parties, **file.groups})
            )
        if one.owed_to not in file.parties:
            yield lines.problem((*at, "to"), _unknown("receiver", one.owed_to, file.parties))
        if one.form not in forms:
            yield lines.problem((*at, "form"), _unknown("form", one.form, forms))
        day = one.due.day_of_month if one.due else None
        if day is not None and (reason := _wrong_day(day, one.periods, periods)):
            yield lines.problem((*at, "due", "day_of_month"), reason)


def _wrong_day(day: int, kinds: Sequence[PeriodKind], periods: PeriodRules) -> str | None:
    if PeriodKind.AD_HOC in kinds:
        return "an ad-hoc window has no last month (write working_days_after_closing)"
    if day > LAST_DAY_OF_EVERY_MONTH:
        return f"day {day} does not exist in June and September, in which periods end (write 30 or less)"
    if day <= periods.last_day:
        return (
            f"day {day} lies before the figures close, on the {periods.last_day}th (write {periods.first_day} or more)"
        )
    return None


def _twice(file: ObligationFile, lines: Lines) -> Iterator[RuleProblem]:
    ids = set[str]()
    seen = list[tuple[str, Key, Obligation]]()
    book = Obligations(file)
    for number, one in enumerate(file.obligations):
        at = ("obligations", number, "id")
        if one.id in ids:
            yield lines.problem(at, f"{one.id!r} stands twice (give each obligation its own id)")
        ids.add(one.id)
        keys = [
            (unit, (agency, one.owed_to, one.form, kind))
            for unit in ([ALL] if one.units == ALL else one.units)
            for agency in book.members(one.owed_by)
            for kind in one.periods
        ]
        for unit, key, other in seen:
            if (unit, key) in keys and _meet(one, other):
                reason = f"says again what {other.id!r} says of {key[0]} and {key[3].value} (end one with valid_to)"
                yield lines.problem(at, reason)
                break
        seen += [(unit, key, one) for unit, key in keys]


def _meet(one: Obligation, other: Obligation) -> bool:
    first, second = sorted((one, other), key=lambda each: each.valid_from)
    return first.valid_to is None or first.valid_to >= second.valid_from


def _unknown(what: str, slug: str, known: Mapping[str, object] | frozenset[str]) -> str:
    return f"unknown {what} {slug!r} (known: {', '.join(sorted(known))})"
