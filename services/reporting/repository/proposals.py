"""Queries about late facts and the proposals that they cause."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.database import Session

Key = tuple[str, str, str, int]
"""(unit, kind, code, revision)."""


async def count_unjudged(session: Session[Any]) -> int:
    """Late facts that nobody has looked at yet."""
    return int(await session.fetchval("SELECT count(*) FROM late_fact WHERE NOT judged"))


async def list_unjudged(session: Session[Any]) -> list[Key]:
    """Late facts to look at; the lock keeps two judges from proposing the same change twice."""
    await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    await session.execute("LOCK TABLE report_proposal IN SHARE ROW EXCLUSIVE MODE")
    rows = await session.fetch("SELECT unit, kind, code, revision FROM late_fact WHERE NOT judged")
    return [(row["unit"], row["kind"], row["code"], row["revision"]) for row in rows]


async def note_judged(session: Session[Any], keys: Sequence[Key]) -> None:
    """These late facts have been looked at, in the transaction that keeps what they caused."""
    await session.execute(
        """
        UPDATE late_fact AS f SET judged = true FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS k(u, n, c, r)
        WHERE f.unit = k.u AND f.kind = k.n AND f.code = k.c AND f.revision = k.r
        """,
        *([key[part] for key in keys] for part in range(4)),
    )


async def list_frozen(session: Session[Any], report: dict[str, Any]) -> list[dict[str, Any]]:
    """What a version counted: `kind`, `dossier` (the code), `revision`, `field`, `columns`."""
    rows = await session.fetch(
        """
        SELECT kind, code AS dossier, revision, field, columns FROM report_dossier
        WHERE unit = $1 AND form = $2 AND period = $3 AND version = $4
        """,
        *(report[name] for name in ("unit", "form", "period", "version")),
    )
    return [dict(row) for row in rows]


async def list_late_sources(
    session: Session[Any], unit: str, since: Sequence[tuple[str, str, int]]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Of each (kind, code, revision known then): the revision now, and who has said something late since."""
    rows = await session.fetch(
        """
        SELECT k.n AS kind, k.c AS code,
               CASE k.n WHEN 'petition' THEN (SELECT revision FROM petition_fact AS f WHERE f.unit = $1 AND f.code = k.c)
                    WHEN 'owed_report' THEN (SELECT revision FROM owed_report AS f WHERE f.unit = $1 AND f.code = k.c)
                    ELSE (SELECT revision FROM fact AS f WHERE f.unit = $1 AND f.code = k.c) END AS revision,
               ARRAY(SELECT DISTINCT source FROM late_fact AS l WHERE l.unit = $1 AND l.kind = k.n AND l.code = k.c
                     AND l.revision > k.r ORDER BY source) AS sources
        FROM unnest($2::text[], $3::text[], $4::int[]) AS k(n, c, r)
        """,
        unit,
        *([one[part] for one in since] for part in range(3)),
    )
    return {(row["kind"], row["code"]): {"revision": row["revision"], "sources": row["sources"]} for row in rows}


async def find_last_proposal(session: Session[Any], report: dict[str, Any]) -> dict[str, Any] | None:
    """The newest proposal about this version of a report that was not replaced."""
    row = await session.fetchrow(
        """
        SELECT * FROM report_proposal WHERE unit = $1 AND form = $2 AND period = $3 AND version = $4
        AND status <> 'replaced' ORDER BY id DESC LIMIT 1
        """,
        *(report[name] for name in ("unit", "form", "period", "version")),
    )
    return _proposal(row) if row else None


async def add_proposal(
    session: Session[Any],
    report: dict[str, Any],
    cells: Sequence[dict[str, Any]],
    causes: Sequence[dict[str, Any]],
    digest: str,
    now: datetime,
) -> int:
    """Open a proposal; returns its number."""
    return int(
        await session.fetchval(
            """
            INSERT INTO report_proposal (unit, form, period, version, status, digest, cells, causes, opened_at)
            VALUES ($1, $2, $3, $4, 'open', $5, $6::jsonb, $7::jsonb, $8) RETURNING id
            """,
            *(report[name] for name in ("unit", "form", "period", "version")),
            digest,
            json.dumps(list(cells), ensure_ascii=False),
            json.dumps(list(causes), ensure_ascii=False),
            now,
        )
    )


async def find_proposal(session: Session[Any], number: int) -> dict[str, Any] | None:
    """A proposal by its number, locked until it is decided."""
    row = await session.fetchrow("SELECT * FROM report_proposal WHERE id = $1 FOR UPDATE", number)
    return _proposal(row) if row else None


async def list_proposals(session: Session[Any], units: Sequence[str] | None, *, closed: bool) -> list[dict[str, Any]]:
    """Open proposals, or with `closed` also the decided and replaced ones, in the order in which they came."""
    rows = await session.fetch(
        """
        SELECT * FROM report_proposal WHERE ($1::text[] IS NULL OR unit = ANY($1::text[])) AND ($2 OR status = 'open')
        ORDER BY id
        """,
        list(units) if units is not None else None,
        closed,
    )
    return [_proposal(row) for row in rows]


async def decide(
    session: Session[Any], number: int, status: str, now: datetime, *, by: str | None, role: str | None, reason: str
) -> None:
    """Keep what became of a proposal, with the reason."""
    await session.execute(
        """
        UPDATE report_proposal SET status = $2, decided_at = $3, decided_by = $4, decided_as = $5, reason = $6
        WHERE id = $1
        """,
        number,
        status,
        now,
        by,
        role,
        reason,
    )


def _proposal(row: Any) -> dict[str, Any]:
    values = dict(row)
    return {**values, "cells": json.loads(values["cells"]), "causes": json.loads(values["causes"])}
