"""Queries about publications; a row belongs to whoever holds it until commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.reporting.publication.domain import Version
from shared.database import Session

Key = tuple[str, str, str, int]
"""(unit, form, period, version)."""
_KEY = "unit = $1 AND form = $2 AND period = $3 AND version = $4"


async def add(session: Session[Any], report: dict[str, Any], event: str) -> None:
    """A version that has to be published, in the transaction that closes it."""
    await session.execute(
        "INSERT INTO publication (unit, form, period, version, event) VALUES ($1, $2, $3, $4, $5)",
        *key_of(report),
        event,
    )


def key_of(report: Any) -> Key:
    """The key of a report or of a publication."""
    return report["unit"], report["form"], report["period"], report["version"]


async def list_waiting(session: Session[Any]) -> list[Key]:
    """Versions whose files are not known to lie in the bucket, oldest version first."""
    rows = await session.fetch(
        "SELECT unit, form, period, version FROM publication WHERE stored_at IS NULL ORDER BY version, period, unit, form"
    )
    return [key_of(row) for row in rows]


async def take_waiting(session: Session[Any], key: Key) -> str | None:
    """Hold a version that waits and whose predecessors do not; its event, or nothing when it is another process's turn."""
    found: str | None = await session.fetchval(
        f"""
        SELECT event FROM publication AS p WHERE {_KEY} AND stored_at IS NULL AND NOT EXISTS (
          SELECT 1 FROM publication AS o WHERE (o.unit, o.form, o.period) = (p.unit, p.form, p.period)
          AND o.version < p.version AND o.stored_at IS NULL)
        FOR UPDATE OF p SKIP LOCKED
        """,
        *key,
    )
    return found


async def list_files(session: Session[Any], key: Key) -> list[dict[str, Any]]:
    """Every file of a version, as it was signed."""
    rows = await session.fetch(f"SELECT name, media_type, content FROM report_file WHERE {_KEY} ORDER BY name", *key)
    return [dict(row) for row in rows]


async def note_stored(session: Session[Any], key: Key, now: datetime, acknowledge_by: date | None) -> None:
    """The files lie in the bucket; the first time this is when the report was published."""
    await session.execute(
        f"""
        UPDATE publication SET stored_at = $5,
          acknowledge_by = CASE WHEN published_at IS NULL THEN $6::date ELSE acknowledge_by END,
          published_at = coalesce(published_at, $5)
        WHERE {_KEY}
        """,
        *key,
        now,
        acknowledge_by,
    )


async def lock_versions(session: Session[Any], unit: str, form: str, period: str) -> list[Version]:
    """The versions of a report; held, so that of two acknowledgements at once one is the first."""
    rows = await session.fetch(
        """
        SELECT version, fingerprint, acknowledged_at IS NOT NULL AS is_acknowledged
        FROM publication AS p JOIN report USING (unit, form, period, version)
        WHERE unit = $1 AND form = $2 AND period = $3 ORDER BY version FOR UPDATE OF p
        """,
        unit,
        form,
        period,
    )
    return [Version(**dict(row)) for row in rows]


async def note_acknowledged(session: Session[Any], key: Key, now: datetime, said_at: datetime, by: str) -> bool:
    """Keep the acknowledgement; true when it came after the day by which it was due."""
    return bool(
        await session.fetchval(
            f"""
            UPDATE publication SET acknowledged_at = $5, acknowledgement_said_at = $6, acknowledged_by = $7 WHERE {_KEY}
            RETURNING coalesce($5::timestamptz >= (acknowledge_by + 1)::timestamptz, false)
            """,
            *key,
            now,
            said_at,
            by,
        )
    )


async def take_overdue(session: Session[Any], today: date) -> list[dict[str, Any]]:
    """Newest versions that nobody acknowledged by their day and of which that was not said yet; held until commit."""
    rows = await session.fetch(
        """
        SELECT unit, form, period, version, acknowledge_by, fingerprint
        FROM publication AS p JOIN report USING (unit, form, period, version)
        WHERE acknowledged_at IS NULL AND overdue_said_at IS NULL AND acknowledge_by < $1 AND NOT EXISTS (
          SELECT 1 FROM publication AS o WHERE (o.unit, o.form, o.period) = (p.unit, p.form, p.period)
          AND o.version > p.version)
        ORDER BY unit, period, form, version FOR UPDATE OF p SKIP LOCKED
        """,
        today,
    )
    return [dict(row) for row in rows]


async def note_overdue(session: Session[Any], keys: Sequence[Key], now: datetime) -> None:
    """It was said."""
    await session.executemany(
        f"UPDATE publication SET overdue_said_at = $5 WHERE {_KEY}", [(*key, now) for key in keys]
    )


async def list_publications(session: Session[Any], units: Sequence[str] | None) -> list[dict[str, Any]]:
    """What became of each closed version of these units, or of all."""
    rows = await session.fetch(
        """
        SELECT unit, form, period, version, published_at, acknowledge_by, acknowledged_at, acknowledged_by,
               overdue_said_at IS NOT NULL AS was_overdue
        FROM publication WHERE $1::text[] IS NULL OR unit = ANY($1::text[]) ORDER BY unit, period, form, version
        """,
        list(units) if units is not None else None,
    )
    return [dict(row) for row in rows]
