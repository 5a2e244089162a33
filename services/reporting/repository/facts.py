"""Queries about facts: the newest revision of each dossier, the rollup, and the lists behind a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from services.reporting.history.repository import facts_as_known, keep_history
from services.reporting.repository.rollup import EFFECTIVE, arguments, summed_by_size
from shared.database import Session
from shared.events.dossiers import Snapshot
from shared.events.petition_snapshots import PetitionSnapshot
from shared.facts import COLUMNS as SPAN_COLUMNS
from shared.facts import entries, newest, replace_spans, spans
from shared.measures import AS_OF, COLUMNS, SUMS

_encode = msgspec.json.Encoder().encode


Changed = list[tuple[str, str]]
"""(unit, dossier code)."""


async def upsert_facts(session: Session[Any], snapshots: Sequence[Snapshot]) -> tuple[Changed, bool]:
    """Keep snapshots that are newer than what is known and move the rollup with them, in one statement.

    What is not newer changes nothing, so redelivery is harmless. Returns the dossiers that changed, and whether any
    moved what a closed report may have counted; that is noted in this transaction, for `JudgeLateFacts`.
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
    replaced = {(row["unit"], row["code"]): row["old_revision"] for row in rows}
    folded = {(one.unit, one.dossier, one.revision): of_dossier[one.unit, one.dossier] for one in wanted}
    await keep_history(session, snapshots, replaced, folded)
    wide = {(row["unit"], row["code"]): row["wide_until"] for row in rows if row["wide_until"] and not row["late"]}
    moved = await moved_by_then(session, wide, of_dossier)
    if changed:
        await replace_spans(session, changed, [span for key in changed for span in of_dossier[key]])
    late = {
        (row["unit"], row["code"]): row["old_revision"]
        for row in rows
        if row["late"] or (row["unit"], row["code"]) in moved
    }
    await note_late(session, [one for one in snapshots if one.revision > late.get((one.unit, one.dossier), 2**31)])
    return changed, bool(late)


async def note_late(
    session: Session[Any], snapshots: Sequence[Snapshot | PetitionSnapshot], *, kind: str = "dossier"
) -> None:
    """Keep who said what late, for `JudgeLateFacts` and the proposals that it opens."""
    if not snapshots:
        return
    await session.executemany(
        """
        INSERT INTO late_fact (unit, kind, code, revision, source, recorded_at, judged)
        VALUES ($1, $2, $3, $4, $5, $6, false) ON CONFLICT (unit, kind, code, revision) DO UPDATE SET judged = false
        """,
        sorted((one.unit, kind, one.code, one.revision, one.source, one.recorded_at) for one in snapshots),
    )


_UPSERT = f"""
    WITH incoming AS (
      SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, revision int, entries jsonb)
    ), changed AS (
      INSERT INTO fact AS f (unit, code, revision, entries) SELECT unit, code, revision, entries FROM incoming
      ON CONFLICT (unit, code) DO UPDATE SET revision = excluded.revision, entries = excluded.entries
      WHERE f.revision < excluded.revision
      RETURNING new.unit, new.code, new.entries AS entries, old.entries AS old_entries,
                coalesce(old.revision, 0) AS old_revision
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
    ), summed AS (
      INSERT INTO rollup_sum AS r (unit, size, day, effective_on, field, kind, n) {summed_by_size("sums")}
      ON CONFLICT (unit, size, day, effective_on, field, kind) DO UPDATE SET n = r.n + excluded.n
    ), closed AS (
      SELECT unit, (SELECT max("end")::text FROM report AS r WHERE r.unit = i.unit) AS until,
             (SELECT max("end") FROM report AS r WHERE r.unit = i.unit AND r.form <> 'II.06a') AS wide_until
      FROM (SELECT DISTINCT unit FROM incoming) AS i
    )
    SELECT unit, code, old_revision, wide_until, until IS NOT NULL AND
           jsonb_path_query_array(entries, 'strict $[*] ? (@[4] <= $until)', jsonb_build_object('until', until))
           IS DISTINCT FROM
           jsonb_path_query_array(coalesce(old_entries, '[]'), 'strict $[*] ? (@[4] <= $until)', jsonb_build_object('until', until))
           AS late
    FROM changed JOIN closed USING (unit)
"""
"""`late`: what the dossier adds to windows up to the unit's last closed day (an entry's fifth part says from when) moved.

`wide_until` is the last closed day of forms that count more than the rollup knows: there any fact may matter.

The paths are `strict`: a lax filter would unwrap each entry and find nothing, ever.
"""


async def moved_by_then(
    session: Session[Any],
    until: Mapping[tuple[str, str], date],
    fresh: Mapping[tuple[str, str], Sequence[dict[str, Any]]],
    *,
    table: str = "span",
    columns: Mapping[str, str] = SPAN_COLUMNS,
) -> set[tuple[str, str]]:
    """Those (unit, code) whose spans, as they stood on the days up to `until`, differ from the fresh ones; call it before these are written."""
    if not until:
        return set()
    rows = await session.fetch(
        f"""
        SELECT {", ".join(columns)} FROM {table}
        WHERE (unit, code) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY unit, code, valid_from
        """,
        [unit for unit, _ in until],
        [code for _, code in until],
    )
    known = defaultdict[tuple[str, str], list[dict[str, Any]]](list)
    for row in rows:
        known[row["unit"], row["code"]].append(dict(row))
    return {key for key, day in until.items() if _cut(known[key], day) != _cut(fresh.get(key, ()), day)}


def _cut(rows: Sequence[dict[str, Any]], until: date) -> list[dict[str, Any]]:
    """Spans as they are seen from the end of a day: what begins later is not there, what ends later has no end."""
    seen = [{**one, "valid_to": min(one["valid_to"], until + timedelta(days=1))} for one in rows]
    return [one for one in seen if one["valid_from"] < one["valid_to"]]


async def closed_until(session: Session[Any], units: Sequence[str]) -> dict[str, date]:
    """The last closed day of each unit's forms that count more than the rollup knows."""
    rows = await session.fetch(
        """
        SELECT unit, max("end") AS until FROM report WHERE unit = ANY($1::text[]) AND form <> 'II.06a' GROUP BY unit
        """,
        list(units),
    )
    return {row["unit"]: row["until"] for row in rows}


async def sum_rollup(session: Session[Any], units: Sequence[str], begin: date, end: date) -> dict[str, list[Any]]:
    """Per unit the sums of form II.06a by field, from the rollup alone."""
    sums = ", ".join(f"{expression} AS {column}" for column, expression in SUMS.items())
    rows = await session.fetch(
        f"""
        SELECT unit, field, {sums} FROM {EFFECTIVE} GROUP BY unit, field
        """,
        *arguments(units, begin, end),
    )
    return _by_unit(rows)


def _by_unit(rows: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["unit"]].append(row)
    return found


async def count_spans(
    session: Session[Any], units: Sequence[str], begin: date, end: date, known_on: date | None = None
) -> dict[str, list[Any]]:
    """The same sums counted dossier by dossier, now or as known on a day; now they equal the rollup, and a test says so."""
    parameters: list[Any] = [begin, end, list(units)]
    counts = ", ".join(f"count(*) FILTER (WHERE {condition}) AS {column}" for column, condition in COLUMNS.items())
    rows = await session.fetch(
        f"SELECT unit, field, {counts} FROM {facts_as_known(known_on, parameters)} WHERE {AS_OF} GROUP BY unit, field",
        *parameters,
    )
    return _by_unit(rows)


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
    """Units of which any dossier is known, in code order; jumps from unit to unit instead of reading every dossier."""
    rows = await session.fetch(
        """
        WITH RECURSIVE known AS (
          SELECT min(unit) AS unit FROM fact
          UNION ALL
          SELECT (SELECT min(unit) FROM fact WHERE unit > known.unit) FROM known WHERE unit IS NOT NULL
        )
        SELECT unit FROM known WHERE unit IS NOT NULL ORDER BY unit
        """
    )
    return [row["unit"] for row in rows]
