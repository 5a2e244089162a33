"""All queries about kept names; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.database import Session


async def keep(session: Session[Any], unit: str, sealed: Sequence[tuple[str, bytes]]) -> None:
    """Keep sealed names by dossier code, each code once; one that was forgotten on command stays forgotten."""
    await session.execute(
        """
        INSERT INTO applicant AS a (unit, code, sealed)
        SELECT $1, code, sealed FROM unnest($2::text[], $3::bytea[]) AS t(code, sealed) ORDER BY code
        ON CONFLICT (unit, code) DO UPDATE SET sealed = excluded.sealed WHERE a.sealed IS NOT NULL
        """,
        unit,
        [code for code, _ in sealed],
        [name for _, name in sealed],
    )


async def find(session: Session[Any], unit: str, code: str) -> bytes | None:
    """The sealed name of one dossier's applicant."""
    sealed: bytes | None = await session.fetchval(
        "SELECT sealed FROM applicant WHERE unit = $1 AND code = $2", unit, code
    )
    return sealed


async def forget(session: Session[Any], unit: str, code: str) -> bool:
    """Forget one dossier's name and remember that it is not to come back; false when there is no such dossier."""
    known = await session.fetchval(
        """
        INSERT INTO applicant AS a (unit, code, sealed) SELECT unit, code, NULL FROM dossier WHERE unit = $1 AND code = $2
        ON CONFLICT (unit, code) DO UPDATE SET sealed = NULL RETURNING true
        """,
        unit,
        code,
    )
    return bool(known)


async def forget_finished(session: Session[Any], before: datetime) -> int:
    """Delete what is known of dossiers that have been finished since before an instant; returns how many."""
    rows = await session.fetch(
        """
        DELETE FROM applicant AS a USING dossier AS d
        WHERE a.unit = d.unit AND a.code = d.code AND (d.snapshot->'state'->>'finished_at')::timestamptz < $1
        RETURNING a.code
        """,
        before,
    )
    return len(rows)
