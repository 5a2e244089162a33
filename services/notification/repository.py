"""All queries of the notification service; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from shared.database import Session

_encode = msgspec.json.Encoder().encode


async def add_alerts(session: Session[Any], alerts: Sequence[dict[str, Any]]) -> set[str]:
    """Store alerts; returns the keys that were new. The same event again adds none."""
    rows = await session.fetch(
        """
        INSERT INTO alert (key, unit, rule, role, event, subject, urgency, status, reason, correlation, title, body,
                           happened_at, decided_at, attempts, next_attempt_at)
        SELECT key, unit, rule, role, event, subject, urgency, status, reason, correlation, title, body,
               happened_at, decided_at, 0, CASE WHEN status = 'pending' THEN send_at END
        FROM jsonb_to_recordset($1::jsonb) AS t(key text, unit text, rule text, role text, event text, subject text,
             urgency text, status text, reason text, correlation text, title text, body text, happened_at timestamptz,
             decided_at timestamptz, send_at timestamptz)
        ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING key
        """,
        _encode(alerts).decode(),
    )
    return {row["key"] for row in rows}


async def list_called_overdue(session: Session[Any], said: Sequence[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Of which of these (unit, subject, event) somebody was meant to be told."""
    rows = await session.fetch(
        """
        SELECT DISTINCT unit, subject, event
        FROM alert JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(unit, subject, event) USING (unit, subject, event)
        WHERE status <> 'suppressed'
        """,
        *([one[part] for one in said] for part in range(3)),
    )
    return {(row["unit"], row["subject"], row["event"]) for row in rows}


async def claim_due(
    session: Session[Any], now: datetime, lease: datetime, *, bundle: int, digest: int
) -> list[dict[str, Any]]:
    """Take alerts of one rule, unit and role whose attempt is due, oldest first, until *lease*, and count the attempt.

    The caller commits before it sends: nobody else sends meanwhile, and whoever dies in between leaves a trace.
    """
    rows = await session.fetch(
        """
        WITH oldest AS (
          SELECT unit, rule, role, urgency FROM alert WHERE status = 'pending' AND next_attempt_at <= $1
          ORDER BY next_attempt_at, key LIMIT 1
        ), due AS (
          SELECT key FROM alert JOIN oldest USING (unit, rule, role)
          WHERE status = 'pending' AND next_attempt_at <= $1 ORDER BY decided_at, key
          LIMIT (SELECT CASE urgency WHEN 'digest' THEN $4::int ELSE $3::int END FROM oldest) FOR UPDATE OF alert SKIP LOCKED
        )
        UPDATE alert SET attempts = attempts + 1, next_attempt_at = $2 FROM due WHERE alert.key = due.key RETURNING alert.*
        """,
        now,
        lease,
        bundle,
        digest,
    )
    return sorted((dict(row) for row in rows), key=lambda row: (row["decided_at"], row["key"]))


async def settle(session: Session[Any], outcomes: Sequence[dict[str, Any]], now: datetime) -> None:
    """Note what one attempt came to: `key`, `status`, `reason`, `retry`, and every place that has the alert by now."""
    await session.executemany(
        """
        UPDATE alert SET status = $2::text, reason = $3, next_attempt_at = $4, taken_by = $5,
               delivered_at = CASE WHEN $2::text = 'sent' THEN $6::timestamptz END
        WHERE key = $1
        """,
        [(one["key"], one["status"], one["reason"], one["retry"], one["taken_by"], now) for one in outcomes],
    )


async def send_again(session: Session[Any], keys: Sequence[str], now: datetime) -> int:
    """Alerts that were given up are due again; says how many. Places that had them are not told twice."""
    rows = await session.fetch(
        """
        UPDATE alert SET status = 'pending', attempts = 0, next_attempt_at = $2
        WHERE key = ANY($1::text[]) AND status = 'failed' RETURNING key
        """,
        list(keys),
        now,
    )
    return len(rows)


async def count_due(session: Session[Any], now: datetime) -> int:
    """Alerts whose attempt is due now; what waits for a later retry is no backlog."""
    return int(
        await session.fetchval("SELECT count(*) FROM alert WHERE status = 'pending' AND next_attempt_at <= $1", now)
    )


async def list_alerts(session: Session[Any], units: Sequence[str] | None, limit: int) -> list[dict[str, Any]]:
    """The delivery log, newest first."""
    rows = await session.fetch(
        """
        SELECT key, unit, rule, role, event, subject, urgency, status, reason, correlation, title, happened_at, decided_at,
               attempts, next_attempt_at, delivered_at
        FROM alert WHERE $1::text[] IS NULL OR unit = ANY($1::text[]) ORDER BY decided_at DESC, key LIMIT $2
        """,
        list(units) if units is not None else None,
        limit,
    )
    return [dict(row) for row in rows]
