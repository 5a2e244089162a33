"""Figures of any form, and what a closed report of it counted: the one place where the two shapes of form are told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from services.reporting import repository
from services.reporting.domain import Filled, WindowEndsBeforeItStarts, WrongWindow, figures
from services.reporting.forms import Cell, FormInForce, Forms, cells_of, column_cell, fill, without_history
from services.reporting.forms import repository as cells
from services.reporting.forms.model import WindowKind
from services.reporting.messages import NOT_KEPT
from services.reporting.scores import repository as scores
from shared.calendar_periods import CalendarPeriod, calendar_code, calendar_period, is_calendar
from shared.clock import Clock
from shared.database import Session
from shared.localtime import local_date
from shared.measures import SPAN
from shared.periods import (
    Period,
    PeriodBeforeUnit,
    PeriodRules,
    UnknownPeriod,
    period,
    previous_quarter,
    quarter_of,
)
from shared.units import Units


class MeasureForms:
    """Forms in force, the days of their periods, and their figures within the caller's transaction."""

    def __init__(self, forms: Forms, rules: PeriodRules, units: Units, clock: Clock) -> None:
        self._forms, self._rules, self._units, self._clock = forms, rules, units, clock

    @property
    def forms(self) -> Forms:
        """Every version of every form."""
        return self._forms

    def window(self, unit: str, form: str, code: str) -> Period | CalendarPeriod:
        """The days of a unit's period, of the kind that the form has.

        Raises `UnknownForm`, `UnknownUnit`, `WrongWindow`, `UnknownPeriod`, `PeriodBeforeUnit`, `NoCalendarPeriod`.
        """
        founded, kind = self._units.get(unit).founded, self._forms.newest(form).rules.window
        if kind is WindowKind.CALENDAR:
            if not is_calendar(code):
                raise WrongWindow(
                    f"{form} is measured over calendar months, quarters and years, {code} is a report period:"
                    " say C2025-10, C2025-Q4 or C2025"
                )
            return calendar_period(code, founded)
        if is_calendar(code):
            raise WrongWindow(
                f"{form} has report periods (15th to 14th), {code} is a calendar period: say 2025-Q4 or 2025"
            )
        return period(code, self._rules, founded)

    def find(self, form: str, begin: date, end: date, *, closing: bool = False) -> FormInForce:
        """The version in force on the last day; raises `UnknownForm`, `FormNotInForce`, `WindowEndsBeforeItStarts`."""
        self._forms.newest(form)  # an unknown form is named before a window that it may not have
        if end < begin:
            raise WindowEndsBeforeItStarts(begin, end)
        return self._forms.find(form, end, closing=closing)

    def check_days(self, form: FormInForce, unit: str, begin: date, end: date) -> None:
        """Raise `NoCalendarPeriod` when a calendar form is asked for other days than a whole month, quarter or year."""
        if form.rules.window is WindowKind.CALENDAR:
            found = self._units.find(unit)
            calendar_code(begin, end, found.founded if found else None)

    def today(self) -> date:
        """The local date."""
        return local_date(self._clock.now())

    async def __call__(
        self,
        session: Session[Any],
        form: FormInForce,
        units: Sequence[str],
        begin: date,
        end: date,
        known_on: date | None = None,
    ) -> list[Filled]:
        """Figures of these units as of the end of *end*: as known now, or at the end of a day (`history.domain.check_day`).

        A row that cannot be known as of a day has no value then, and says why.
        """
        if form.is_by_field:
            count = repository.sum_rollup if known_on is None else partial(repository.count_spans, known_on=known_on)
            sums = await count(session, units, begin, end)
            return [figures(unit, begin, end, sums.get(unit, ()), form=form.code) for unit in units]
        for unit in units:
            self.check_days(form, unit, begin, end)
        own = {key: one for key, one in cells_of(form).items() if known_on is None or one.table == SPAN}
        unknown = {} if known_on is None else {row: NOT_KEPT[table] for row, table in without_history(form).items()}
        counts = await cells.count_cells(session, own, units, begin, end, known_on)
        before = await self._before(session, form, own, units, begin, end, known_on)
        published = await scores.list_scores(session, form.code, units, begin, end, known_on)
        return [
            fill(
                form, unit, begin, end, counts[unit], today=known_on or self.today(), before=before.get(unit),
                published=published.get(unit), unknown=unknown,
            )
            for unit in units
        ]  # fmt: skip

    async def counts(
        self, session: Session[Any], names: Sequence[str], units: Sequence[str], begin: date, end: date,
        field: str | None = None,
    ) -> dict[str, dict[str, int]]:  # fmt: skip
        """Per unit how many dossiers (or petitions) each counted measure has. Raises `UnknownColumn`."""
        wanted = {name: column_cell(name, field) for name in names}
        return await cells.count_cells(session, wanted, units, begin, end)

    async def _before(
        self,
        session: Session[Any],
        form: FormInForce,
        counted: Mapping[str, Cell],
        units: Sequence[str],
        begin: date,
        end: date,
        known_on: date | None,
    ) -> dict[str, dict[str, int]]:
        """Cells of trends in the report quarter before, for units whose quarter the window is."""
        trends = {row.id for row in form.rows if row.trend}
        own = {key: one for key, one in counted.items() if key.split(":")[0] in trends}
        found = dict[str, dict[str, int]]()
        for unit in units if own else ():
            known = self._units.find(unit)
            try:
                quarter = period(quarter_of(end, self._rules), self._rules, known.founded if known else None)
                if (quarter.begin, quarter.end) != (begin, end):
                    continue
                days = period(previous_quarter(quarter.code), self._rules, known.founded if known else None)
            except (PeriodBeforeUnit, UnknownPeriod):
                continue
            found |= await cells.count_cells(session, own, [unit], days.begin, days.end, known_on)
        return found

    async def counted(
        self, session: Session[Any], form: FormInForce, unit: str, begin: date, end: date
    ) -> list[dict[str, Any]]:
        """Every dossier (and petition) that the form counts, with the cells that it stands in, in code order."""
        if form.is_by_field:
            return await repository.list_counted(session, unit, begin, end)
        return await cells.list_counted(session, cells_of(form), unit, begin, end)
