"""The cells of a form with one row a measure: each is a condition over dossiers or petitions, and so is its list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.domain import UnknownCell, UnknownColumn
from services.reporting.forms.loading import FormInForce
from services.reporting.forms.model import Kind, Row
from shared.measures import COLUMNS, COUNTS, SPAN, Count, Rate

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
    """Every cell by its key: `BG-4.3.a` of a count, `BG-T2:hit`, `BG-T2:base`, `BG-T2:unknown` of a share.

    Of a form with one row a field its columns, each over every field.
    """
    if form.is_by_field:
        return {column: column_cell(column) for column in COLUMNS}
    return {cell.key: cell for row in form.rows for cell in _cells(row, form)}


def column_cell(name: str, field: str | None = None) -> Cell:
    """The cell of a column of II.06a or of a counted measure, of one field or all; raises `UnknownColumn`."""
    counted = Count(name=name, base=COLUMNS[name]) if name in COLUMNS else COUNTS.get(name)
    if counted is None:
        raise UnknownColumn(name)
    fields = [field] if field is not None else None
    return Cell(key=name, table=counted.table, condition=counted.base, fields=fields)


def cell_of(form: FormInForce, key: str) -> Cell:
    """The cell of a key, `Hộ tịch/c4` too in a form with one row a field; raises `UnknownCell`."""
    field, _, column = key.rpartition("/") if form.is_by_field else ("", "", key)
    known = cells_of(form)
    if column not in known:
        raise UnknownCell(form.code, key, [*known, *(["each also as field/column"] if form.is_by_field else [])])
    return column_cell(column, field) if field else known[column]


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


def without_history(form: FormInForce) -> dict[str, str]:
    """The rows that cannot be known as of a day, each with the table of which only the present is kept."""
    counted = {row.id: measure_of(row, form) for row in form.rows}
    found = {name: one.table for name, one in counted.items() if one is not None and one.table != SPAN}
    of_rows = {row.id: [one for one in (row.base, *row.minus) if one in found] for row in form.rows}
    return found | {name: found[parts[0]] for name, parts in of_rows.items() if parts}


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
