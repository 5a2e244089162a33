"""All queries of the reporting service; each runs in a transaction that the edge commits."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from shared.database import Session
from shared.events.dossiers import Snapshot
from shared.facts import entries, newest, replace_spans, spans
from shared.localtime import LOCAL
from shared.measures import AS_OF, COLUMNS, SUMS

_encode = msgspec.json.Encoder().encode


async def upsert_facts(session: Session[Any], snapshots: Sequence[Snapshot]) -> list[tuple[str, str]]:
    """Keep snapshots that are newer than what is known and move the rollup with them, in one statement.

    What is not newer changes nothing, so redelivery is harmless. Returns the dossiers that changed.
    """
    wanted = newest(snapshots)
    of_dossier = {(one.unit, one.dossier): spans(one) for one in wanted}
    facts = [
        {
            "unit": one.unit,
            "code": one.dossier,
            "revision": one.revision,
            "entries": entries(of_dossier[one.unit, one.dossier]),
        }
        for one in wanted
    ]
    rows = await session.fetch(_UPSERT, _encode(facts).decode())
    changed = [(row["unit"], row["code"]) for row in rows]
    if changed:
        await replace_spans(session, changed, [span for key in changed for span in of_dossier[key]])
    return changed


_UPSERT = """
    WITH incoming AS (
      SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, revision int, entries jsonb)
    ), changed AS (
      INSERT INTO fact AS f (unit, code, revision, entries) SELECT unit, code, revision, entries FROM incoming
      ON CONFLICT (unit, code) DO UPDATE SET revision = excluded.revision, entries = excluded.entries
      WHERE f.revision < excluded.revision
      RETURNING new.unit, new.code, new.entries AS entries, old.entries AS old_entries
    ), moves AS (
      SELECT e, 1 AS sign FROM changed, jsonb_array_elements(entries) AS e
      UNION ALL
      SELECT e, -1 FROM changed, jsonb_array_elements(old_entries) AS e
    ), sums AS (
      SELECT e->>0 AS unit, e->>1 AS field, e->>2 AS kind, (e->>3)::date AS day, (e->>4)::date AS effective_on,
             sum(sign * (e->>5)::int) AS n
      FROM moves GROUP BY 1, 2, 3, 4, 5 HAVING sum(sign * (e->>5)::int) <> 0 ORDER BY 1, 2, 3, 4, 5
    ), moved AS (
      INSERT INTO rollup AS r (unit, field, kind, day, effective_on, n) SELECT * FROM sums
      ON CONFLICT (unit, field, kind, day, effective_on) DO UPDATE SET n = r.n + excluded.n
    )
    SELECT unit, code FROM changed
"""


async def sum_rollup(session: Session[Any], units: Sequence[str], begin: date, end: date) -> dict[str, list[Any]]:
    """Per unit the sums of form II.06a by field, from the rollup alone."""
    sums = ", ".join(f"{expression} AS {column}" for column, expression in SUMS.items())
    rows = await session.fetch(
        f"""
        SELECT unit, field, {sums}
        FROM rollup WHERE unit = ANY($1::text[]) AND effective_on <= $3 GROUP BY unit, field
        """,
        list(units),
        begin,
        end,
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["unit"]].append(row)
    return found


async def count_spans(
    session: Session[Any], units: Sequence[str], begin: date, end: date
) -> dict[tuple[str, str], Any]:
    """The same form counted dossier by dossier: (unit, field) → columns; must equal the rollup, and a test says so."""
    counts = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {column}" for column, condition in COLUMNS.items())
    rows = await session.fetch(
        f"SELECT unit, field, {counts} FROM span WHERE {AS_OF} GROUP BY unit, field", begin, end, list(units)
    )
    return {(row["unit"], row["field"]): {column: row[column] for column in COLUMNS} for row in rows}


async def list_behind(
    session: Session[Any],
    units: Sequence[str],
    begin: date,
    end: date,
    column: str,
    field: str | None,
    limit: int,
    offset: int,
) -> list[dict[str, Any]]:
    """The dossiers behind one cell, in code order."""
    rows = await session.fetch(
        f"""
        SELECT unit, code, field, procedure, agency, channel, received_on, due_on, finished_on, outcome, status, waiting
        FROM span WHERE {AS_OF} AND {COLUMNS[column]} AND $1::date IS NOT NULL AND ($4::text IS NULL OR field = $4::text)
        ORDER BY unit, code LIMIT $5 OFFSET $6
        """,
        begin,
        end,
        list(units),
        field,
        limit,
        offset,
    )
    return [dict(row) for row in rows]


async def longest_overdue(session: Session[Any], units: Sequence[str], on: date, limit: int) -> list[dict[str, Any]]:
    """Open dossiers past their promise at the end of *on*, oldest promise first."""
    rows = await session.fetch(
        f"""
        SELECT unit, code, field, procedure, agency, received_on, due_on, $2::date - due_on AS days
        FROM span WHERE {AS_OF} AND {COLUMNS["c13"]} AND $1::date IS NOT NULL ORDER BY due_on, unit, code LIMIT $4
        """,
        on,
        on,
        list(units),
        limit,
    )
    return [dict(row) for row in rows]


async def list_units(session: Session[Any]) -> list[str]:
    """Units of which any dossier is known."""
    return [row["unit"] for row in await session.fetch("SELECT DISTINCT unit FROM fact ORDER BY unit")]


async def list_revisions(session: Session[Any], unit: str, begin: date, end: date) -> list[tuple[str, int]]:
    """Every dossier that counts in the window, with the revision that it was counted from."""
    rows = await session.fetch(
        f"""
        SELECT code, revision FROM fact JOIN (SELECT unit, code FROM span WHERE {AS_OF} AND {COLUMNS["c3"]}) AS s
        USING (unit, code) ORDER BY code
        """,
        begin,
        end,
        [unit],
    )
    return [(row["code"], row["revision"]) for row in rows]


async def find_report(session: Session[Any], unit: str, form: str, period: str) -> dict[str, Any] | None:
    """The newest version of a closed report."""
    row = await session.fetchrow(
        "SELECT * FROM report WHERE unit = $1 AND form = $2 AND period = $3 ORDER BY version DESC LIMIT 1",
        unit,
        form,
        period,
    )
    return _report(row) if row else None


async def list_reports(session: Session[Any], units: Sequence[str] | None) -> list[dict[str, Any]]:
    """Closed reports, by unit and period."""
    rows = await session.fetch(
        "SELECT * FROM report WHERE $1::text[] IS NULL OR unit = ANY($1::text[]) ORDER BY unit, period, version",
        list(units) if units is not None else None,
    )
    return [_report(row) for row in rows]


async def add_report(session: Session[Any], report: dict[str, Any], closed_at: datetime) -> bool:
    """Freeze a report; `False` when somebody else closed it first."""
    status = await session.execute(
        """
        INSERT INTO report (unit, form, period, version, begin, "end", closed_at, closed_by, fingerprint, figures)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb) ON CONFLICT DO NOTHING
        """,
        *(report[name] for name in ("unit", "form", "period", "version", "begin", "end")),
        closed_at,
        report["closed_by"],
        report["fingerprint"],
        json.dumps(report["figures"], ensure_ascii=False),
    )
    return bool(status.endswith(" 1"))


def _report(row: Any) -> dict[str, Any]:
    values = dict(row)
    values["figures"] = json.loads(values["figures"])
    values["closed_at"] = values["closed_at"].astimezone(LOCAL)
    return values
