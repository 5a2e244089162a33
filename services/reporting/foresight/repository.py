"""The query behind a forecast, and the forecasts that are kept for boards."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.database import Session
from shared.periods import Period


async def list_spans(session: Session[Any], unit: str, on: date, received_from: date) -> list[Any]:
    """The spans of a unit's dossiers up to a day, of those received since another day or still open."""
    return await session.fetch(
        """
        SELECT code, procedure, field, received_on, due_on, finished_on, outcome, waiting, valid_from, valid_to
        FROM span AS s WHERE unit = $1 AND valid_from <= $2 AND received_on <= $2 AND (received_on >= $3 OR EXISTS (
          SELECT FROM span AS o WHERE o.unit = s.unit AND o.code = s.code AND o.valid_from <= $2 AND o.valid_to > $2
          AND o.finished_on IS NULL))
        """,
        unit,
        on,
        received_from,
    )


async def keep(
    session: Session[Any],
    *,
    unit: str,
    days: Period,
    bounds: tuple[float | None, float | None, float | None],
    must_finish: int | None,
    computed_at: datetime,
) -> None:
    """Keep a unit's forecast of a period, `bounds` as (expected, low, high); one computed later is left alone."""
    await session.execute(
        """
        INSERT INTO forecast AS f (unit, period, begin, "end", expected, low, high, must_finish, computed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (unit, period) DO UPDATE SET begin = excluded.begin, "end" = excluded."end",
          expected = excluded.expected, low = excluded.low, high = excluded.high, must_finish = excluded.must_finish,
          computed_at = excluded.computed_at
        WHERE f.computed_at <= excluded.computed_at
        """,
        unit,
        days.code,
        days.begin,
        days.end,
        *bounds,
        must_finish,
        computed_at,
    )
