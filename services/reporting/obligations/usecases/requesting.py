"""Ask for a report on any window."""

from __future__ import annotations

from datetime import date

from services.reporting.obligations import repository
from services.reporting.obligations.domain import (
    NoSuchObligation,
    WrongDay,
    owe,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.rules import Obligation
from services.reporting.obligations.saying import said
from services.reporting.obligations.usecases.shelf import Shelf, need_centre
from shared import outbox
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date
from shared.parties import Party
from shared.periods import Period, PeriodKind, period, window_code


class RequestReport:
    """Asks for a report on any window (báo cáo đột xuất): whoever the rules let be asked owes it from now on."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(
        self,
        unit: str,
        owed_by: str,
        form: str,
        begin: date,
        end: date,
        due_on: date | None,
        document: str,
        *,
        by: Party,
    ) -> list[Row]:
        """The rows, one for each agency asked; asked for already, it stays as it is.

        Raises `RoleMissing`, `UnknownPeriod` (upside down), `PeriodBeforeUnit`, `WrongDay`, `NoSuchObligation`.
        """
        need_centre(by, "ask for reports")
        now = self._shelf.clock.now()
        days = period(window_code(begin, end), self._shelf.periods, self._shelf.units.get(unit).founded)
        if due_on is not None and due_on < max(days.end, local_date(now)):
            raise WrongDay(f"a report about the days until {days.end:%d/%m/%Y} cannot be due on {due_on:%d/%m/%Y}")
        asked = [
            owe(
                unit,
                agency,
                rung,
                days,
                self._shelf.calendar,
                due_on or self._due_by(rung, days, local_date(now), unit),
            )
            for agency, rung in self._shelf.book.in_force(unit, PeriodKind.AD_HOC, days.end)
            if agency in self._shelf.book.members(owed_by) and rung.form == form
        ]
        if not asked:
            raise NoSuchObligation(
                unit, f"{owed_by}/…/{form}/ad_hoc", "no ad_hoc entry of obligations.yaml lets it be asked"
            )
        async with self._shelf.database.transaction() as session:
            wanted = [(one, True) for one in asked]
            added = await repository.add_new(session, self._shelf.book, wanted, now, request=document)
            await outbox.add(session, [said(self._shelf.book, OwedReportEvent.OPENED, row, now) for row in added])
            codes = {one.code for one in asked}
            rows = [row for row in await repository.list_owed(session, [unit]) if row["code"] in codes]
        self._shelf.poke()
        return rows

    def _due_by(self, rung: Obligation, days: Period, today: date, unit: str) -> date | None:
        """So many working days after the closing, or after the day on which it is asked: nobody is late when asked."""
        count = rung.due.working_days_after_closing if rung.due else None
        if count is None:
            return None
        return self._shelf.calendar.for_unit(unit).add_working_days(max(days.end, today), count)
