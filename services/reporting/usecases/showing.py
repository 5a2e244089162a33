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
    UnknownCell,
    UnknownColumn,
    UnknownForm,
    WindowEndsBeforeItStarts,
)
from services.reporting.forms import Cell, FormInForce, Sheet, cells_of
from services.reporting.forms import repository as cells
from services.reporting.metrics import ReportingMetrics
from services.reporting.usecases.measuring import MeasureForms
from shared.database import Database
from shared.measures import COUNTS


class ShowFigures:
    """Figures of a form for units and a window, and the lists behind them."""

    def __init__(self, database: Database, metrics: ReportingMetrics, measure: MeasureForms) -> None:
        self._database, self._metrics, self._measure = database, metrics, measure

    async def __call__(self, units: Sequence[str], form: str, begin: date, end: date) -> list[Figures | Sheet]:
        """Figures as of the end of *end*; later statements do not exist. An empty `units` means every unit known.

        Raises `UnknownForm`, `FormNotInForce`, `WindowEndsBeforeItStarts`, `NoCalendarPeriod`.
        """
        rules = self._measure.find(form, begin, end)
        with self._metrics.figure_seconds.time():
            async with self._database.transaction() as session:
                wanted = list(units) or await repository.list_units(session)
                return await self._measure(session, rules, wanted, begin, end)

    async def units(self) -> list[str]:
        """Units of which any dossier is known."""
        async with self._database.transaction() as session:
            return await repository.list_units(session)

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
        """The dossiers behind one column of II.06a or one counted measure; as many as it says. Raises `UnknownColumn`."""
        check_window(FORM, begin, end)
        if column not in COLUMNS and column not in COUNTS:
            raise UnknownColumn(column)
        async with self._database.transaction() as session:
            return await repository.list_behind(session, units, begin, end, column, field, limit, offset)

    async def behind_cell(
        self, units: Sequence[str], form: str, begin: date, end: date, cell: str, *, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The dossiers or petitions behind one cell of any form, in code order; over all pages as many as it says.

        A cell is `Hộ tịch/c4` or `c4` (every field) in a form with one row a field; `BG-4.3.a`, `BG-T2:hit`, `BG-T2:base`
        or `BG-T2:unknown` in one with a row a measure. Raises `UnknownCell`, and what `__call__` raises.
        """
        rules = self._measure.find(form, begin, end)
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            for unit in wanted:
                self._measure.check_days(rules, unit, begin, end)
            if rules.is_by_field:
                field, _, column = cell.rpartition("/")
                if column not in COLUMNS:
                    raise UnknownCell(form, cell, [*COLUMNS, "each also as field/column"])
                return await repository.list_behind(session, wanted, begin, end, column, field or None, limit, offset)
            return await cells.list_cell(session, cell_of(rules, cell), wanted, begin, end, limit, offset)

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
                "cells": list(COLUMNS) if one.is_by_field else list(cells_of(one)),
            }
            for one in self._measure.forms
        ]  # fmt: skip


def cell_of(form: FormInForce, key: str) -> Cell:
    """The cell of a key; raises `UnknownCell`."""
    known = cells_of(form)
    if key not in known:
        raise UnknownCell(form.code, key, known)
    return known[key]


def check_window(form: str, begin: date, end: date) -> None:
    """Raise `UnknownForm` or `WindowEndsBeforeItStarts` for figures of II.06a alone."""
    if form != FORM:
        raise UnknownForm(form)
    if end < begin:
        raise WindowEndsBeforeItStarts(begin, end)
