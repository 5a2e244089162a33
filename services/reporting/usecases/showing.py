"""Answer with the figures of a form and with the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.reporting import repository
from services.reporting.domain import Filled, WindowEndsBeforeItStarts
from services.reporting.forms import Cell, cell_of, cells_of, column_cell
from services.reporting.forms import repository as cells
from services.reporting.history import repository as history
from services.reporting.history.domain import check_day
from services.reporting.metrics import ReportingMetrics
from services.reporting.usecases.measuring import MeasureForms
from shared.database import Database, Session
from shared.measures import COUNTS


class ShowFigures:
    """Figures of a form for units and a window, and the lists behind them."""

    def __init__(self, database: Database, metrics: ReportingMetrics, measure: MeasureForms) -> None:
        self._database, self._metrics, self._measure = database, metrics, measure

    async def __call__(
        self, units: Sequence[str], form: str, begin: date, end: date, known_on: date | None = None
    ) -> list[Filled]:
        """Figures as of the end of *end*; later statements do not exist. An empty `units` means every unit known.

        `known_on` gives them as known at the end of that day: what was recorded and had happened by then. A window that
        ends later is answered as it would have been on that day: what stood then stands on.

        Raises `UnknownForm`, `FormNotInForce`, `WindowEndsBeforeItStarts`, `NoCalendarPeriod`, and for a day of which
        nothing can be said what `history.domain.check_day` raises.
        """
        rules = self._measure.find(form, begin, end)
        with self._metrics.figure_seconds.time():
            async with self._database.snapshot() as session:
                await self._check_day(session, known_on)
                wanted = list(units) or await repository.list_units(session)
                return await self._measure(session, rules, wanted, begin, end, known_on)

    async def units(self) -> list[str]:
        """Units of which any dossier is known."""
        async with self._database.transaction() as session:
            return await repository.list_units(session)

    async def counts(
        self, units: Sequence[str], begin: date, end: date, names: Sequence[str], *, field: str | None
    ) -> list[dict[str, Any]]:
        """Measures that are plain numbers of dossiers (all, or those named), unit by unit. Raises `UnknownColumn`."""
        check_window(begin, end)
        async with self._database.snapshot() as session:
            wanted = list(units) or await repository.list_units(session)
            counted = await self._measure.counts(session, names or list(COUNTS), wanted, begin, end, field)
        return [{"unit": unit, "from": begin, "to": end, "counts": counted[unit]} for unit in wanted]

    async def behind(
        self, units: Sequence[str], begin: date, end: date, column: str,
        *, field: str | None, limit: int, offset: int, known_on: date | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The dossiers behind one column of II.06a or one counted measure; as many as it says. Raises `UnknownColumn`."""
        check_window(begin, end)
        cell = column_cell(column, field)
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            return await self._list(session, cell, wanted, begin, end, limit, offset, known_on)

    async def behind_cell(
        self, units: Sequence[str], form: str, begin: date, end: date, cell: str,
        *, limit: int, offset: int, known_on: date | None = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The dossiers or petitions behind one cell of any form, in code order; over all pages as many as it says.

        A cell is `Hộ tịch/c4` or `c4` (every field) in a form with one row a field; `BG-4.3.a`, `BG-T2:hit`, `BG-T2:base`
        or `BG-T2:unknown` in one with a row a measure. Raises `UnknownCell`, and what `__call__` raises; `NotKept` for a
        cell that cannot be known as of a day.
        """
        rules = self._measure.find(form, begin, end)
        wanted_cell = cell_of(rules, cell)
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            for unit in wanted:
                self._measure.check_days(rules, unit, begin, end)
            return await self._list(session, wanted_cell, wanted, begin, end, limit, offset, known_on)

    async def _list(
        self, session: Session[Any], cell: Cell, units: Sequence[str], begin: date, end: date, limit: int, offset: int,
        known_on: date | None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        await self._check_day(session, known_on)
        return await cells.list_cell(session, cell, units, begin, end, limit, offset, known_on)

    async def _check_day(self, session: Session[Any], known_on: date | None) -> None:
        if known_on is not None:
            check_day(known_on, await history.begins(session), self._measure.today())

    async def longest_overdue(self, units: Sequence[str], on: date, limit: int) -> list[dict[str, Any]]:
        """Open dossiers past their promise, oldest promise first."""
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            return await repository.longest_overdue(session, wanted, on, limit)

    def forms(self) -> list[dict[str, Any]]:
        """Every version of every form: title, validity, kind of window, and its cells."""
        return [
            {
                "form": one.code, "number_vi": one.rules.number_vi, "title_vi": one.rules.title_vi,
                "agency_vi": one.agency_name, "shape": one.rules.shape, "window": one.rules.window.value,
                "valid_from": one.rules.valid_from.isoformat(),
                "valid_to": None if one.rules.valid_to == date.max else one.rules.valid_to.isoformat(),
                "close": one.rules.signed_off.close, "restate": one.rules.signed_off.restate, "source": one.rules.source,
                "cells": list(cells_of(one)),
            }
            for one in self._measure.forms
        ]  # fmt: skip


def check_window(begin: date, end: date) -> None:
    """Raise `WindowEndsBeforeItStarts`."""
    if end < begin:
        raise WindowEndsBeforeItStarts(begin, end)
