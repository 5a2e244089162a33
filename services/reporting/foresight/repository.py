"""The one query behind a forecast."""

from __future__ import annotations

from datetime import date
from typing import Any

from shared.database import Session


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
