"""Queries about petitions; a figure and the list behind it are the same condition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from shared.database import Session
from shared.measures import AS_OF, PETITION_SPAN, Count, Rate, count_query, share_query

_LISTED = "unit, code, field, petition_class, agency, channel, status, outcome, reason_code, complex, satisfied, reopenings, late_rounds, received_on, transfer_due_on, checked_on, due_on, settled_on, transferred_on, published_on, rated_on"


async def measure(
    session: Session[Any], measure: Rate | Count, units: Sequence[str], begin: date, end: date
) -> dict[str, int]:
    """`hit`, `base` and `unknown` of a rate, `base` of a count, as of the end of *end*."""
    query = share_query(measure) if isinstance(measure, Rate) else count_query(measure)
    row: Any = await session.fetchrow(query, begin, end, list(units), None, None)
    return dict(row)


async def list_behind(
    session: Session[Any],
    measure: Rate | Count,
    units: Sequence[str],
    begin: date,
    end: date,
    *,
    hit: bool | None,
    limit: int,
    offset: int,
) -> list[dict[str, Any]]:
    """The petitions behind a measure, in code order; of a rate those that `hit` or missed, or all of its base."""
    met = measure.hit if isinstance(measure, Rate) else "true"
    rows = await session.fetch(
        f"""
        SELECT {_LISTED}, ({met}) AS hit FROM {PETITION_SPAN}
        WHERE {AS_OF} AND {measure.base} AND $1::date IS NOT NULL AND ($4::boolean IS NULL OR ({met}) = $4)
        ORDER BY unit, code LIMIT $5 OFFSET $6
        """,
        begin,
        end,
        list(units),
        hit,
        limit,
        offset,
    )
    return [dict(row) for row in rows]


async def list_units(session: Session[Any]) -> list[str]:
    """Units of which any petition is known."""
    return [row["unit"] for row in await session.fetch("SELECT DISTINCT unit FROM petition_fact ORDER BY unit")]
