"""Figures of any form, and what a closed report of it counted: the one place where the two shapes of form are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.reporting import repository
from services.reporting.domain import Figures, WindowEndsBeforeItStarts, WrongWindow, figures
from services.reporting.forms import FormInForce, Forms, Sheet, cells_of, fill
from services.reporting.forms import repository as cells
from services.reporting.forms.model import WindowKind
from services.reporting.scores import repository as scores
from shared.calendar_periods import CalendarPeriod, calendar_code, calendar_period, is_calendar
from shared.clock import Clock
from shared.database import Session
from shared.localtime import local_date
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

    async def __call__(
        self, session: Session[Any], form: FormInForce, units: Sequence[str], begin: date, end: date
    ) -> list[Figures | Sheet]:
        """Figures of these units as of the end of *end*."""
        if form.is_by_field:
            sums = await repository.sum_rollup(session, units, begin, end)
            return [figures(unit, begin, end, sums.get(unit, ()), form=form.code) for unit in units]
        for unit in units:
            self.check_days(form, unit, begin, end)
        own, today = cells_of(form), local_date(self._clock.now())
        counts = await cells.count_cells(session, own, units, begin, end)
        before = await self._before(session, form, units, begin, end)
        published = await scores.list_scores(session, form.code, units, begin, end)
        return [
            fill(
                form, unit, begin, end, counts[unit], today=today, before=before.get(unit), published=published.get(unit)
            )
            for unit in units
        ]  # fmt: skip

    async def _before(
        self, session: Session[Any], form: FormInForce, units: Sequence[str], begin: date, end: date
    ) -> dict[str, dict[str, int]]:
        """Cells of trends in the report quarter before, for units whose quarter the window is."""
        trends = {row.id for row in form.rows if row.trend}
        own = {key: one for key, one in cells_of(form).items() if key.split(":")[0] in trends}
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
            found |= await cells.count_cells(session, own, [unit], days.begin, days.end)
        return found

    async def counted(
        self, session: Session[Any], form: FormInForce, unit: str, begin: date, end: date
    ) -> list[dict[str, Any]]:
        """Every dossier (and petition) that the form counts, with the cells that it stands in, in code order."""
        if form.is_by_field:
            return await repository.list_counted(session, unit, begin, end)
        return await cells.list_counted(session, cells_of(form), unit, begin, end)
