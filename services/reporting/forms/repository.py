"""Queries over a form's cells: a number, the list behind it and what a closed report counted are the same condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from services.reporting.forms.cells import Cell
from services.reporting.history.domain import NotKept
from services.reporting.history.repository import facts_as_known
from shared.database import Session
from shared.measures import AS_OF, OWED_REPORT, PETITION_SPAN, SPAN, as_of

KIND = {SPAN: "dossier", PETITION_SPAN: "petition", OWED_REPORT: "owed_report"}
_REVISED = {SPAN: "span JOIN fact USING (unit, code)", PETITION_SPAN: "petition_span JOIN petition_fact USING (unit, code)", OWED_REPORT: OWED_REPORT}  # fmt: skip
"""Where each kind is counted, with the revision that it was counted from."""
_LISTED = {
    SPAN: "unit, code, field, procedure, agency, channel, received_on, due_on, finished_on, outcome, status, waiting, reason_code, rating",
    PETITION_SPAN: "unit, code, field, petition_class, agency, channel, received_on, due_on, settled_on, outcome, status, reason_code",
    OWED_REPORT: "unit, code, field, agency, form, period, due_on, handed_in_on, state, late",
}
_COUNTED = {
    SPAN: "channel, received_on, due_on, finished_on, outcome, waiting",
    PETITION_SPAN: "channel, received_on, due_on, settled_on, outcome",
    OWED_REPORT: "agency, due_on, handed_in_on",
}
_TYPED = "$1::date IS NOT NULL"
"""A parameter that no condition names would have no type."""


def _facts(table: str, known_on: date | None, parameters: list[Any]) -> str:
    """Where a query reads; raises `NotKept` for a day of knowledge of what has no history."""
    if table == SPAN:
        return facts_as_known(known_on, parameters)
    if known_on is not None:
        raise NotKept(KIND[table])
    return table


async def count_cells(
    session: Session[Any],
    cells: Mapping[str, Cell],
    units: Sequence[str],
    begin: date,
    end: date,
    known_on: date | None = None,
) -> dict[str, dict[str, int]]:
    """Per unit every cell's number, as of the end of *end*, now or as known on a day; one pass over each table."""
    found: dict[str, dict[str, int]] = {unit: {} for unit in units}
    for table in dict.fromkeys(one.table for one in cells.values()):
        own = [one for one in cells.values() if one.table == table]
        parameters: list[Any] = [begin, end, list(units)]
        facts = _facts(table, known_on, parameters)
        counts = ", ".join(
            f"count(*) FILTER (WHERE {one.where(parameters)}) AS n{number}" for number, one in enumerate(own)
        )
        rows = await session.fetch(
            f"SELECT unit, {counts} FROM {facts} WHERE {as_of(table)} AND {_TYPED} GROUP BY unit", *parameters
        )
        by_unit = {row["unit"]: row for row in rows}
        for unit in units:
            row = by_unit.get(unit)
            found[unit] |= {one.key: row[f"n{number}"] if row else 0 for number, one in enumerate(own)}
    return found


async def list_cell(
    session: Session[Any],
    cell: Cell,
    units: Sequence[str],
    begin: date,
    end: date,
    limit: int,
    offset: int,
    known_on: date | None = None,
) -> list[dict[str, Any]]:
    """The dossiers, petitions or owed reports behind one cell, now or as known on a day, in code order."""
    parameters: list[Any] = [begin, end, list(units)]
    facts = _facts(cell.table, known_on, parameters)
    where = cell.where(parameters)
    rows = await session.fetch(
        f"""
        SELECT {_LISTED[cell.table]} FROM {facts} WHERE {as_of(cell.table)} AND {_TYPED} AND {where}
        ORDER BY unit, code LIMIT ${len(parameters) + 1} OFFSET ${len(parameters) + 2}
        """,
        *parameters,
        limit,
        offset,
    )
    return [dict(row) for row in rows]


async def list_moved(
    session: Session[Any],
    cells: Mapping[str, Cell],
    unit: str,
    begin: date,
    end: date,
    known_from: date,
    known_to: date,
) -> list[dict[str, Any]]:
    """Dossiers that stand in other cells, or in them under another field, on the later day of knowledge; in code order."""
    own = [one for one in cells.values() if one.table == SPAN]
    parameters: list[Any] = [begin, end, [unit]]
    earlier, later = facts_as_known(known_from, parameters), facts_as_known(known_to, parameters)
    standing = f"SELECT code, field, {_keys(own, parameters)} AS columns FROM {{facts}} WHERE {AS_OF} AND {_TYPED}"
    rows = await session.fetch(
        f"""
        WITH earlier AS ({standing.format(facts=earlier)}), later AS ({standing.format(facts=later)})
        SELECT code, e.field AS old_field, l.field AS new_field,
               coalesce(e.columns, '{{}}') AS old_columns, coalesce(l.columns, '{{}}') AS new_columns
        FROM earlier AS e FULL JOIN later AS l USING (code)
        WHERE (e.field, e.columns) IS DISTINCT FROM (l.field, l.columns)
          AND cardinality(coalesce(e.columns, '{{}}')) + cardinality(coalesce(l.columns, '{{}}')) > 0
        ORDER BY code COLLATE "C"
        """,
        *parameters,
    )
    return [dict(row) for row in rows]


def _keys(cells: Sequence[Cell], parameters: list[Any]) -> str:
    """The cells that a row stands in, as an array."""
    keys = ", ".join(f"CASE WHEN {one.where(parameters)} THEN '{one.key}' END" for one in cells)
    return f"array_remove(ARRAY[{keys}]::text[], NULL)"


async def list_counted(
    session: Session[Any], cells: Mapping[str, Cell], unit: str, begin: date, end: date
) -> list[dict[str, Any]]:
    """Every dossier and petition that stands in any cell, with the cells it stands in; dossiers first, in code order."""
    found = list[dict[str, Any]]()
    for table in KIND:
        own = [one for one in cells.values() if one.table == table]
        if not own:
            continue
        parameters: list[Any] = [begin, end, [unit]]
        rows = await session.fetch(
            f"""
            SELECT * FROM (
              SELECT '{KIND[table]}' AS kind, code AS dossier, revision, field, {_COUNTED[table]},
                     {_keys(own, parameters)} AS columns
              FROM {_REVISED[table]} WHERE {as_of(table)} AND {_TYPED}
            ) AS counted WHERE columns <> '{{}}' ORDER BY dossier COLLATE "C"
            """,
            *parameters,
        )
        found += [dict(row) for row in rows]
    return found
