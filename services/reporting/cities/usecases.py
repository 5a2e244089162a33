"""Answer with a city's figures: all its communes, their sum, and how far each one's report is."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.reporting.cities import repository
from services.reporting.domain import COLUMNS, FORM, FiguresDoNotBalance, UnknownForm, check_balance, figures
from services.reporting.publication.repository import list_publications
from services.reporting.usecases.showing import check_window
from shared.database import Database
from shared.periods import PeriodRules, period
from shared.units import Unit, Units


class UnknownCity(LookupError):
    """A code that no province or city bears."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no province or city has the code {code!r}: give two digits, such as 31 for Hải Phòng")


class ShowCity:
    """Figures of a form over all communes of a city; the present figures, whether or not reports are closed."""

    def __init__(self, database: Database, units: Units, rules: PeriodRules) -> None:
        self._database, self._units, self._rules = database, units, rules

    def communes(self, city: str) -> tuple[Unit, ...]:
        """The units of a city; raises `UnknownCity`."""
        found = self._units.in_province(city)
        if not found:
            raise UnknownCity(city)
        return found

    def window(self, city: str, code: str) -> tuple[date, date]:
        """The days of a period, from the founding of the first commune on; raises `UnknownPeriod`, `PeriodBeforeUnit`."""
        days = period(code, self._rules, min(one.founded for one in self.communes(city)))
        return days.begin, days.end

    async def __call__(self, city: str, form: str, begin: date, end: date, code: str | None = None) -> dict[str, Any]:
        """The form's rows and total, and each commune's total; `code` adds how far its report of that period is.

        Raises `UnknownCity`, `UnknownForm`, `WindowEndsBeforeItStarts`, `FiguresDoNotBalance`.
        """
        communes = self.communes(city)
        if form != FORM:
            raise UnknownForm(form)
        check_window(begin, end)
        async with self._database.transaction() as session:
            sums = await repository.sum_city(session, [one.code for one in communes], begin, end)
            known = await list_publications(session, [one.code for one in communes]) if code else []
        of = figures(city, begin, end, sums.by_field)
        check_balance(of)
        newest = {one["unit"]: one for one in known if (one["form"], one["period"]) == (form, code)}
        totals = {one.code: _cells(sums.by_unit.get(one.code)) for one in communes}
        units = [
            {
                "unit": one.code,
                "name": one.name,
                "total": totals[one.code],
                **({"report": _state(newest.get(one.code))} if code else {}),
            }
            for one in communes
        ]
        for column in COLUMNS:
            added = sum(one[column] for one in totals.values())
            if not of.total[column] == added == sums.total[column]:
                reason = f"column {column}: fields give {of.total[column]}, communes {added}"
                raise FiguresDoNotBalance(city, "*", reason)
        shown = {name: value for name, value in of.as_json().items() if name != "unit"}
        name = communes[0].province_name
        return {"city": city, "name": name, **({"period": code} if code else {}), **shown, "units": units}


def _cells(row: Any) -> dict[str, int]:
    return {column: int(row[column]) if row else 0 for column in COLUMNS}


def _state(publication: dict[str, Any] | None) -> dict[str, Any] | None:
    names = ("version", "published_at", "acknowledge_by", "acknowledged_at")
    return None if publication is None else {name: publication[name] for name in names}
