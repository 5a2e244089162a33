"""The one query behind a city's figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.reporting.repository.rollup import EFFECTIVE, arguments
from shared.database import Session
from shared.measures import SUMS

BY_UNIT, BY_FIELD, TOTAL = 1, 2, 3
"""`grouping(unit, field)`: a bit for each column that is summed away."""


@dataclass(frozen=True, kw_only=True)
class CitySums:
    """Sums of form II.06a by field, by unit, and over everything; each made by the database from the same rows."""

    by_field: Sequence[Any]
    by_unit: dict[str, Any]
    total: Any


async def sum_city(session: Session[Any], units: Sequence[str], begin: date, end: date) -> CitySums:
    """Sum the rollup over these units, as of the end of *end*."""
    sums = ", ".join(f"{expression} AS {column}" for column, expression in SUMS.items())
    rows = await session.fetch(
        f"""
        SELECT grouping(unit, field) AS level, unit, field, {sums}
        FROM {EFFECTIVE} GROUP BY GROUPING SETS ((field), (unit), ())
        """,
        *arguments(units, begin, end),
    )
    return CitySums(
        by_field=[row for row in rows if row["level"] == BY_FIELD],
        by_unit={row["unit"]: row for row in rows if row["level"] == BY_UNIT},
        total=next(row for row in rows if row["level"] == TOTAL),
    )
