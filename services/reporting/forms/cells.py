"""The cells of a form with one row a measure: each is a condition over dossiers or petitions, and so is its list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.forms.loading import FormInForce
from services.reporting.forms.model import Kind, Row
from shared.measures import COLUMNS, Count, Rate

HIT, BASE, UNKNOWN = "hit", "base", "unknown"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number of dossiers or petitions; `condition` is SQL over a span ($1, $2 the window), with the row's filter beside."""

    key: str
    table: str
    condition: str
    fields: Sequence[str] | None = None
    agency: str | None = None
    reason: str | None = None

    def where(self, parameters: list[Any]) -> str:
        """The condition and the filter; values of the filter are appended to `parameters`."""
        parts = [f"({self.condition})"]
        if self.fields is not None:
            parts.append(f"field = ANY(${_add(parameters, list(self.fields))}::text[])")
        if self.agency is not None:
            parts.append(f"agency = ${_add(parameters, self.agency)}::text")
        if self.reason is not None:
            parts.append(f"coalesce(reason_code, '') = ${_add(parameters, self.reason)}::text")
        return " AND ".join(parts)


def _add(parameters: list[Any], value: Any) -> int:
    if value not in parameters:
        parameters.append(value)
    return parameters.index(value) + 1


def cells_of(form: FormInForce) -> dict[str, Cell]:
    """Every cell by its key: `BG-4.3.a` of a count, `BG-T2:hit`, `BG-T2:base`, `BG-T2:unknown` of a share."""
    return {cell.key: cell for row in form.rows for cell in _cells(row, form)}


def _cells(row: Row, form: FormInForce) -> Iterator[Cell]:
    if row.score is not None and row.score.not_applicable:
        return
    measure = measure_of(row, form)
    if isinstance(measure, Count):
        yield _cell(row.id, measure.table, measure.base, row, form)
    if isinstance(measure, Rate):
        yield _cell(f"{row.id}:{HIT}", measure.table, f"({measure.base}) AND ({measure.hit})", row, form)
        yield _cell(f"{row.id}:{BASE}", measure.table, measure.base, row, form)
        if measure.unknown != "false":
            yield _cell(f"{row.id}:{UNKNOWN}", measure.table, f"({measure.base}) AND ({measure.unknown})", row, form)


def measure_of(row: Row, form: FormInForce) -> Rate | Count | None:
    """What the row counts: a measure, a column of II.06a, or the share of one column in another."""
    if row.column and row.of:
        return Rate(name=f"{row.column}/{row.of}", base=COLUMNS[row.of], hit=COLUMNS[row.column])
    if row.column:
        return Count(name=row.column, base=COLUMNS[row.column])
    if row.shows in (Kind.TEXT, Kind.SUM) or row.measure is None:
        return None
    return form.measures.get(row.measure)


def _cell(key: str, table: str, condition: str, row: Row, form: FormInForce) -> Cell:
    of = row.filter
    return Cell(
        key=key, table=table, condition=condition, fields=of.fields, agency=of.agency or form.agency, reason=of.reason
    )
