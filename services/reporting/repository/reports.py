"""Queries about closed reports: what was counted, what was frozen, the files as they were signed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from shared.database import Session
from shared.localtime import LOCAL
from shared.measures import AS_OF, COLUMNS

_FROZEN = ("dossier", "revision", "field", "columns")
_CELLS = ", ".join(f"CASE WHEN {condition} THEN '{column}' END" for column, condition in COLUMNS.items())
COUNTED = f"""
    SELECT code AS dossier, revision, field, channel, received_on, due_on, finished_on, outcome, waiting,
           array_remove(ARRAY[{_CELLS}], NULL) AS columns
    FROM span JOIN fact USING (unit, code) WHERE {AS_OF} AND {COLUMNS["c3"]}
"""
"""Each dossier of a window as it was counted, with the columns that it stands in."""


async def see_one_state(session: Session[Any]) -> None:
    """Make every query of this transaction see the same facts; call it first. It holds nobody back."""
    await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


async def freeze(session: Session[Any]) -> None:
    """Make this transaction see one state, of which no batch is half in; call it first.

    The lock waits for batches under way and holds back new ones until commit, so that each batch is either in the
    figures or sees the report and is judged as late.
    """
    await see_one_state(session)
    await session.execute("LOCK TABLE fact, petition_fact, owed_report, report IN SHARE ROW EXCLUSIVE MODE")


async def list_counted(session: Session[Any], unit: str, begin: date, end: date) -> list[dict[str, Any]]:
    """Every dossier that counts in the window, as it was counted, in code order."""
    return [dict(row) for row in await session.fetch(f'{COUNTED} ORDER BY code COLLATE "C"', begin, end, [unit])]


async def find_report(
    session: Session[Any], unit: str, form: str, period: str, version: int | None = None
) -> dict[str, Any] | None:
    """A version of a closed report, by default the newest."""
    row = await session.fetchrow(
        """
        SELECT * FROM report WHERE unit = $1 AND form = $2 AND period = $3 AND ($4::int IS NULL OR version = $4)
        ORDER BY version DESC LIMIT 1
        """,
        unit,
        form,
        period,
        version,
    )
    return _report(row) if row else None


async def list_reports(
    session: Session[Any],
    units: Sequence[str] | None,
    *,
    form: str | None = None,
    period: str | None = None,
    version: int | None = None,
) -> list[dict[str, Any]]:
    """Closed reports, by unit, period and form; all of them, or those of a form, a period, a version."""
    rows = await session.fetch(
        """
        SELECT * FROM report WHERE ($1::text[] IS NULL OR unit = ANY($1::text[])) AND ($2::text IS NULL OR form = $2::text)
        AND ($3::text IS NULL OR period = $3::text) AND ($4::int IS NULL OR version = $4::int)
        ORDER BY unit, period, form, version
        """,
        list(units) if units is not None else None,
        form,
        period,
        version,
    )
    return [_report(row) for row in rows]


async def add_report(
    session: Session[Any],
    report: dict[str, Any],
    files: Sequence[dict[str, Any]],
    dossiers: Sequence[dict[str, Any]],
    public_pem: str,
) -> None:
    """Freeze a report with its files and the public key that checks it."""
    names = (
        "unit", "form", "period", "version", "begin", "end", "closed_at", "closed_by", "closed_as", "supersedes",
        "fingerprint", "document",
    )  # fmt: skip
    await session.execute(
        """
        INSERT INTO report (unit, form, period, version, begin, "end", closed_at, closed_by, closed_as, supersedes,
                            fingerprint, document, figures)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)
        """,
        *(report[name] for name in names),
        json.dumps(report["figures"], ensure_ascii=False),
    )
    await session.executemany(
        """
        INSERT INTO report_file (unit, form, period, version, name, media_type, sha256, content)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        [
            (*(report[name] for name in names[:4]), one["name"], one["media_type"], one["sha256"], one["content"])
            for one in files
        ],
    )
    await session.copy_records_to_table(
        "report_dossier",
        columns=[*names[:4], "kind", "code", "revision", "field", "columns"],
        records=[
            (*(report[name] for name in names[:4]), one.get("kind", "dossier"), *(one[name] for name in _FROZEN))
            for one in dossiers
        ],
    )
    await session.execute(
        "INSERT INTO report_key (key_id, public_pem) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        json.loads(report["document"])["key_id"],
        public_pem,
    )


async def find_file(session: Session[Any], report: dict[str, Any], name: str) -> dict[str, Any] | None:
    """One document of a closed report, as it was signed."""
    row = await session.fetchrow(
        """
        SELECT name, media_type, content FROM report_file
        WHERE unit = $1 AND form = $2 AND period = $3 AND version = $4 AND name = $5
        """,
        *(report[key] for key in ("unit", "form", "period", "version")),
        name,
    )
    return dict(row) if row else None


async def list_keys(session: Session[Any]) -> list[dict[str, Any]]:
    """The public keys of every report ever closed."""
    return [dict(row) for row in await session.fetch("SELECT key_id, public_pem FROM report_key ORDER BY key_id")]


def _report(row: Any) -> dict[str, Any]:
    values = dict(row)
    values["closed_at"] = values["closed_at"].astimezone(LOCAL)
    values["figures"] = json.loads(values["figures"])
    return values
