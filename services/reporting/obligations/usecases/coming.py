"""The calendar of what is owed and what is coming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from services.reporting.documents import period_title
from services.reporting.obligations import repository
from services.reporting.obligations.domain import (
    Owed,
    WrongDay,
    owed_between,
)
from services.reporting.obligations.rules import Obligations
from services.reporting.obligations.saying import name_of
from services.reporting.obligations.usecases.shelf import Shelf, shown
from shared.localtime import local_date

WIDEST = timedelta(days=3 * 366)
FURTHEST = timedelta(days=400)
"""A report falls due so long after its closing at most (`Due.working_days_after_closing`)."""


class ShowCalendar:
    """What is owed and what is coming, by the day on which it falls due."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(self, units: Sequence[str], first: date | None, last: date | None) -> list[dict[str, Any]]:
        """Owed reports that fall due from `first` to `last`, inclusive; one without a day stands after its closing.

        By default from a month ago to half a year ahead. Raises `UnknownUnit`, `WrongDay` for a window upside down or
        longer than three years.
        """
        today = local_date(self._shelf.clock.now())
        first = first or today - timedelta(days=31)
        last = last or max(first, today) + timedelta(days=183)
        if last < first:
            raise WrongDay(f"the window ends on {last} before it starts on {first}; swap --from and --to")
        if last - first > WIDEST:
            raise WrongDay(f"{first} to {last} is more than three years; ask for less")
        async with self._shelf.database.transaction() as session:
            rows = await repository.list_owed(session, units)
        found = [shown(self._shelf.book, row, today) for row in rows]
        known = {(one["unit"], one["code"]) for one in found}
        for unit in units:
            closed_after = max(today, first - FURTHEST)
            found += [one for one in self._coming(unit, closed_after, last) if (unit, one["code"]) not in known]
        chosen = [one for one in found if first <= _day_of(one) <= last]
        return sorted(chosen, key=_place)

    def _coming(self, unit: str, first: date, last: date) -> list[dict[str, Any]]:
        shelf = self._shelf
        founded = shelf.units.get(unit).founded
        coming = owed_between(shelf.book, shelf.periods, shelf.calendar, unit, founded, first, last)
        return [_planned(shelf.book, one) for one in coming]


def _day_of(one: Mapping[str, Any]) -> date:
    due: date | None = one["due"]
    closing: date = one["to"]
    return due or closing + timedelta(days=1)


def _place(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return _day_of(one), one["unit"], one["period"], one["due"] is None, one["owed_to"], one["owed_by"]


def _planned(book: Obligations, owed: Owed) -> dict[str, Any]:
    parties = {
        "owed_by": owed.owed_by, "owed_by_vi": name_of(book, owed.owed_by), "owed_by_kind": book.parties[owed.owed_by].kind,
        "owed_to": owed.owed_to, "owed_to_vi": name_of(book, owed.owed_to), "owed_to_kind": book.parties[owed.owed_to].kind,
    }  # fmt: skip
    return {
        "unit": owed.unit, "code": owed.code, "rung": owed.rung, **parties, "form": owed.form, "period": owed.period.code,
        "period_vi": period_title(owed.period.code), "from": owed.period.begin, "to": owed.period.end, "due": owed.due_on,
        "warnings": list(owed.warnings), "assumed": owed.assumed, "state": "planned", "late": False, "handed_in_on": None,
        "document": None,
    }  # fmt: skip
