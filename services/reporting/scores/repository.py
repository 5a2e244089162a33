"""Queries about published points; each row of a period may be published again, the newest counts and all are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from shared.database import Session
from shared.localtime import end_of_day


async def add_score(session: Session[Any], values: dict[str, Any]) -> None:
    """Record one published score."""
    names = ("unit", "form", "begin", "end", "row", "score", "source", "published_on", "recorded_by", "recorded_at")
    await session.execute(
        """
        INSERT INTO published_score (unit, form, begin, "end", "row", score, source, published_on, recorded_by, recorded_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        *(values[name] for name in names),
    )


async def list_scores(
    session: Session[Any], form: str, units: Sequence[str], begin: date, end: date, known_on: date | None = None
) -> dict[str, dict[str, dict[str, Any]]]:
    """Per unit the newest published score of each row, now or as recorded by the end of a day: `{"score", "source", "published_on"}`."""
    rows = await session.fetch(
        """
        SELECT DISTINCT ON (unit, "row") unit, "row", score, source, published_on FROM published_score
        WHERE form = $1 AND unit = ANY($2::text[]) AND begin = $3 AND "end" = $4
          AND ($5::timestamptz IS NULL OR recorded_at < $5)
        ORDER BY unit, "row", published_on DESC, id DESC
        """,
        form,
        list(units),
        begin,
        end,
        end_of_day(known_on) if known_on is not None else None,
    )
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        found[row["unit"]][row["row"]] = {
            "score": row["score"],
            "source": row["source"],
            "published_on": row["published_on"].isoformat(),
        }
    return found
