"""Queries of the causes of lateness."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.dossier.lateness.domain import Told
from services.dossier.repository import read_statement
from shared.database import Session


async def list_suspects(
    session: Session[Any], unit: str, begin: datetime, end: datetime, after: str, limit: int
) -> list[tuple[str, str]]:
    """(code, source) of dossiers promised in [begin, end) that are or may have looked late, by code.

    One that finished in time looked late only if something was recorded on a later day than it happened.
    """
    rows = await session.fetch(
        """
        SELECT code, source FROM dossier AS d
        WHERE unit = $1 AND due_at >= $2 AND due_at < $3 AND code > $4 AND (
            snapshot->'state'->>'finished_at' IS NULL
            OR ((snapshot->'state'->>'finished_at')::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')::date > (due_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
            OR EXISTS (
                SELECT 1 FROM journal AS j WHERE j.unit = d.unit AND j.dossier = d.code AND j.door <> 'file'
                  AND j.kind NOT LIKE 'petition.%'
                  AND (j.recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date > (j.happened_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
            )
        )
        ORDER BY code LIMIT $5
        """,
        unit,
        begin,
        end,
        after,
        limit,
    )
    return [(row["code"], row["source"]) for row in rows]


async def list_told(session: Session[Any], unit: str, codes: Sequence[str]) -> dict[str, list[Told]]:
    """Every statement of these dossiers, with when it was recorded."""
    found: dict[str, list[Told]] = {code: [] for code in codes}
    rows = await session.fetch(
        """
        SELECT source, id, kind, unit, dossier, happened_at, correlation, facts::text AS facts, door,
               CASE WHEN door = 'file' THEN happened_at ELSE recorded_at END AS recorded_at
        FROM journal WHERE unit = $1 AND dossier = ANY($2::text[]) AND kind NOT LIKE 'petition.%'
        """,
        unit,
        list(codes),
    )
    for row in rows:
        found[row["dossier"]].append(Told(statement=read_statement(row), recorded_at=row["recorded_at"]))
    return found
