"""Queries about owed reports; a row belongs to whoever holds it until commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.reporting.obligations.domain import Owed
from services.reporting.obligations.rules import Obligations
from shared.database import Session
from shared.measures import AS_OF, COLUMNS

Row = dict[str, Any]

_NEW = """
    rung text, unit text, code text, agency text, owed_by_kind text, owed_to text, owed_to_kind text, form text,
    period text, kind text, begin date, "end" date, due_on date, remind_on date, assumed boolean, warnings text[],
    watched boolean, request text
"""
_UNMET = "handed_in_on IS NULL AND state <> 'cancelled' AND watched AND NOT late"
_TO_REMIND = f"{_UNMET} AND due_said_at IS NULL AND remind_on <= $1 AND due_on >= $1"
_OVERDUE = f"{_UNMET} AND due_on < $1"
_REPORTED = """
    FROM owed_report AS o JOIN LATERAL (
      SELECT min(closed_at) AS closed, max(closed_at) AS closed_last, min(published_at) AS published, min(acknowledged_at) AS acknowledged
      FROM report LEFT JOIN publication USING (unit, form, period, version)
      WHERE (unit, form, period) = (o.unit, o.form, o.period)
    ) AS r ON r.closed IS NOT NULL
    WHERE (o.owed_by_kind = 'department' AND o.state = 'checked' AND o.checked_at <= r.closed_last)
       OR (o.owed_by_kind <> 'department' AND o.state = 'opened')
       OR (o.owed_to_kind = 'city' AND o.state = 'compiled' AND r.published IS NOT NULL)
       OR (o.owed_to_kind = 'city' AND o.state = 'sent' AND r.acknowledged IS NOT NULL)
"""
"""Owed reports that the unit's own closed report moves on, with when it was closed, published and acknowledged.

A department's report that was checked after the last closing is not in what was closed: it waits for a restatement.
"""


async def list_known_units(session: Session[Any]) -> set[str]:
    """Units of which any dossier is known: one probe of the index a unit, however many dossiers there are."""
    rows = await session.fetch(
        """
        WITH RECURSIVE known AS (
          SELECT min(unit) AS unit FROM fact
          UNION ALL SELECT (SELECT min(unit) FROM fact WHERE unit > known.unit) FROM known WHERE unit IS NOT NULL
        ) SELECT unit FROM known WHERE unit IS NOT NULL
        """
    )
    return {row["unit"] for row in rows}


async def add_new(
    session: Session[Any], book: Obligations, wanted: Sequence[tuple[Owed, bool]], now: datetime, request: str = ""
) -> list[Row]:
    """Open what is not there yet, with whether it is watched; returns the rows added, of several processes' one's only."""
    rows = [
        {
            "rung": one.rung, "unit": one.unit, "code": one.code, "agency": one.owed_by,
            "owed_by_kind": book.parties[one.owed_by].kind, "owed_to": one.owed_to,
            "owed_to_kind": book.parties[one.owed_to].kind, "form": one.form, "period": one.period.code,
            "kind": one.period.kind, "begin": one.period.begin.isoformat(), "end": one.period.end.isoformat(),
            "due_on": _iso(one.due_on), "remind_on": _iso(one.remind_on), "assumed": one.assumed,
            "warnings": list(one.warnings), "watched": watched, "request": request,
        }
        for one, watched in sorted(wanted, key=lambda each: each[0].code)
    ]  # fmt: skip
    added = await session.fetch(
        f"""
        INSERT INTO owed_report (field, unit, code, agency, owed_by_kind, owed_to, owed_to_kind, form, period, kind, begin,
                                 "end", due_on, remind_on, assumed, warnings, watched, request, state, revision, late, opened_at)
        SELECT *, 'opened', 1, false, $2::timestamptz FROM jsonb_to_recordset($1::jsonb) AS t({_NEW})
        ON CONFLICT (unit, code) DO NOTHING RETURNING *
        """,
        json.dumps(rows, ensure_ascii=False),
        now,
    )
    return [_row(one) for one in added]


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


async def lock_of_unit(session: Session[Any], unit: str) -> list[Row]:
    """What the rules may still change of a unit: neither handed in nor said to be late; asked for by nobody's request."""
    rows = await session.fetch(
        """
        SELECT * FROM owed_report WHERE unit = $1 AND handed_in_on IS NULL AND NOT late AND request = ''
          AND state IN ('opened', 'cancelled') ORDER BY code FOR UPDATE
        """,
        unit,
    )
    return [_row(one) for one in rows]


async def lock(session: Session[Any], unit: str, agency: str, form: str, period: str, owed_to: str | None) -> list[Row]:
    """Owed reports of an agency for a period, held; of several receivers when none is named."""
    rows = await session.fetch(
        """
        SELECT * FROM owed_report WHERE unit = $1 AND agency = $2 AND form = $3 AND period = $4
          AND ($5::text IS NULL OR owed_to = $5) ORDER BY code FOR UPDATE
        """,
        unit,
        agency,
        form,
        period,
        owed_to,
    )
    return [_row(one) for one in rows]


async def change(session: Session[Any], row: Row, at: datetime | None = None, **values: Any) -> Row:
    """Write the next revision of a held row; names are columns, never a caller's words.

    What a closed report may have counted otherwise is noted in this transaction, for `JudgeLateFacts`; `at` is the instant
    of a change that writes none itself.
    """
    names = ", ".join(f'"{name}" = ${number}' for number, name in enumerate(values, 3))
    written = await session.fetchrow(
        f"UPDATE owed_report SET revision = revision + 1, {names} WHERE unit = $1 AND code = $2 RETURNING *",
        row["unit"],
        row["code"],
        *(json.dumps(one, ensure_ascii=False) if isinstance(one, dict) else one for one in values.values()),
    )
    changed = _row(written)
    if _counted(row) != _counted(changed):
        instants = [one for one in values.values() if isinstance(one, datetime)]
        await _note_late(session, changed, at or max(instants, default=changed["opened_at"]))
    return changed


def _counted(row: Row) -> Any:
    """What forms count of an owed report: nothing before it is handed in or late."""
    names = ("field", "agency", "due_on", "handed_in_on", "late")
    return [row[name] for name in names] if row["handed_in_on"] is not None or row["late"] else None


async def _note_late(session: Session[Any], row: Row, at: datetime) -> None:
    """Keep who changed what a closed form with a window up to its due day or later may have counted."""
    await session.execute(
        """
        INSERT INTO late_fact (unit, kind, code, revision, source, recorded_at, judged)
        SELECT $1::text, 'owed_report', $2, $3, $4, $5, false
        WHERE EXISTS (SELECT FROM report WHERE unit = $1::text AND form <> 'II.06a' AND "end" >= $6) ON CONFLICT DO NOTHING
        """,
        row["unit"],
        row["code"],
        row["revision"],
        row["received_by"] or f"/motcua/reporting/{row['unit']}",
        at,
        row["due_on"],
    )


async def take_to_remind(session: Session[Any], today: date) -> list[Row]:
    """What falls due and was not said to; held until commit."""
    sql = f"SELECT * FROM owed_report WHERE {_TO_REMIND} ORDER BY unit, code FOR UPDATE SKIP LOCKED"
    return [_row(one) for one in await session.fetch(sql, today)]


async def take_overdue(session: Session[Any], today: date) -> list[Row]:
    """What is past its day, not handed in and not said to be late; held until commit."""
    sql = f"SELECT * FROM owed_report WHERE {_OVERDUE} ORDER BY unit, code FOR UPDATE SKIP LOCKED"
    return [_row(one) for one in await session.fetch(sql, today)]


async def take_reported(session: Session[Any]) -> list[Row]:
    """What the unit's own closed report moves on, with `closed`, `closed_last`, `published`, `acknowledged`; held until commit."""
    sql = f"SELECT o.*, r.* {_REPORTED} ORDER BY o.unit, o.code FOR UPDATE OF o SKIP LOCKED"
    return [_row(one) for one in await session.fetch(sql)]


async def count_undone(session: Session[Any], today: date) -> int:
    """How much the next look has to say."""
    return int(
        await session.fetchval(
            f"""
            SELECT (SELECT count(*) FROM owed_report WHERE ({_TO_REMIND}) OR ({_OVERDUE})) + (SELECT count(*) {_REPORTED})
            """,
            today,
        )
    )


async def list_owed(session: Session[Any], units: Sequence[str]) -> list[Row]:
    """Every owed report of these units."""
    rows = await session.fetch(
        "SELECT * FROM owed_report WHERE unit = ANY($1::text[]) ORDER BY unit, code", list(units)
    )
    return [_row(one) for one in rows]


async def count_own(session: Session[Any], unit: str, agency: str, begin: date, end: date) -> dict[str, int]:
    """Form II.06a of the dossiers of one agency, over all fields."""
    counts = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {column}" for column, condition in COLUMNS.items())
    row: Any = await session.fetchrow(
        f"SELECT {counts} FROM span WHERE {AS_OF} AND agency = $4", begin, end, [unit], agency
    )
    return {column: row[column] for column in COLUMNS}


async def missing_reports(session: Session[Any], unit: str, form: str, period: str) -> list[str]:
    """Departments whose report of a form and period has not been received."""
    rows = await session.fetch(
        """
        SELECT agency FROM owed_report WHERE unit = $1 AND form = $2 AND period = $3 AND owed_by_kind = 'department'
          AND handed_in_on IS NULL AND state <> 'cancelled' ORDER BY agency
        """,
        unit,
        form,
        period,
    )
    return [row["agency"] for row in rows]


def _row(row: Any) -> Row:
    values = dict(row)
    for name in ("document", "figures", "checked"):
        if isinstance(values[name], str):
            values[name] = json.loads(values[name])
    return values
