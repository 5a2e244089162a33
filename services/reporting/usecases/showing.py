"""Answer with the figures of a form and with the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.reporting import repository
from services.reporting.domain import (
    COLUMNS,
    FORM,
    Figures,
    UnknownColumn,
    UnknownForm,
    WindowEndsBeforeItStarts,
    figures,
)
from services.reporting.metrics import ReportingMetrics
from shared.database import Database
from shared.measures import COUNTS


class ShowFigures:
    """Figures of a form for units and a window, and the lists behind them."""

    def __init__(self, database: Database, metrics: ReportingMetrics) -> None:
        self._database, self._metrics = database, metrics

    async def __call__(self, units: Sequence[str], form: str, begin: date, end: date) -> list[Figures]:
        """Figures as of the end of *end*; later statements do not exist. An empty `units` means every unit known.

        Raises `UnknownForm`, `WindowEndsBeforeItStarts`.
        """
        check_window(form, begin, end)
        with self._metrics.figure_seconds.time():
            async with self._database.transaction() as session:
                wanted = list(units) or await repository.list_units(session)
                sums = await repository.sum_rollup(session, wanted, begin, end)
        return [figures(unit, begin, end, sums.get(unit, ())) for unit in wanted]

    async def counts(
        self, units: Sequence[str], begin: date, end: date, names: Sequence[str], *, field: str | None
    ) -> list[dict[str, Any]]:
        """Measures that are plain numbers of dossiers (all, or those named), unit by unit. Raises `UnknownColumn`."""
        check_window(FORM, begin, end)
        for name in names:
            if name not in COUNTS:
                raise UnknownColumn(name)
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            return [
                {
                    "unit": unit,
                    "from": begin,
                    "to": end,
                    "counts": await repository.count_measures(
                        session, names or list(COUNTS), [unit], begin, end, field
                    ),
                }
                for unit in wanted
            ]

    async def behind(
        self, units: Sequence[str], begin: date, end: date, column: str, *, field: str | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The dossiers behind one cell or one counted measure; as many as it says. Raises `UnknownColumn`."""
        check_window(FORM, begin, end)
        if column not in COLUMNS and column not in COUNTS:
            raise UnknownColumn(column)
        async with self._database.transaction() as session:
            return await repository.list_behind(session, units, begin, end, column, field, limit, offset)

    async def longest_overdue(self, units: Sequence[str], on: date, limit: int) -> list[dict[str, Any]]:
        """Open dossiers past their promise, oldest promise first."""
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            return await repository.longest_overdue(session, wanted, on, limit)


def check_window(form: str, begin: date, end: date) -> None:
    """Raise `UnknownForm` or `WindowEndsBeforeItStarts`."""
    if form != FORM:
        raise UnknownForm(form)
    if end < begin:
        raise WindowEndsBeforeItStarts(begin, end)
