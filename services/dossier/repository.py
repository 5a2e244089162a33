"""All queries of the dossier service; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from shared.database import Session
from shared.events.dossiers import Snapshot
from shared.events.records import Record
from shared.events.statements import Facts, Kind, Statement
from shared.localtime import LOCAL

Key = tuple[str, str]
"""(unit, dossier code)."""

_snapshots = msgspec.json.Decoder(Snapshot)
_facts = msgspec.json.Decoder(Facts)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A statement as it reached us: through which door, and under which number on the bus."""

    statement: Record
    door: str
    sequence: int
    receipt_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A dossier's row: its last snapshot and what was already said about its promise."""

    unit: str
    code: str
    revision: int
    snapshot: Snapshot | None
    correlation: str = ""
    overdue_said_for: datetime | None = None
    due_soon_said_for: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A source and how far it was heard."""

    name: str
    is_live: bool
    newest_at: datetime
    last_recorded_at: datetime
    as_of: datetime | None


async def add_to_journal(session: Session[Any], heard: Sequence[Heard], recorded_at: datetime) -> set[tuple[str, str]]:
    """Append statements; returns the (source, id) that were new. What is there already is a duplicate, for ever."""
    rows = sorted(heard, key=lambda one: (one.statement.source, one.statement.id))
    added = await session.fetch(
        """
        INSERT INTO journal (source, id, unit, dossier, kind, happened_at, recorded_at, door, sequence, correlation, facts)
        SELECT source, id, unit, dossier, kind, happened_at, $1, door, sequence, correlation, facts::jsonb
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
                    $9::bigint[], $10::text[], $11::text[])
             AS t(source, id, unit, dossier, kind, happened_at, door, sequence, correlation, facts)
        ON CONFLICT (source, id) DO NOTHING
        RETURNING source, id
        """,
        recorded_at,
        [one.statement.source for one in rows],
        [one.statement.id for one in rows],
        [one.statement.unit for one in rows],
        [one.statement.code for one in rows],
        [one.statement.kind.value for one in rows],
        [one.statement.time for one in rows],
        [one.door for one in rows],
        [one.sequence for one in rows],
        [one.statement.correlation or one.statement.id for one in rows],
        [_encode(one.statement.facts).decode() for one in rows],
    )
    return {(row["source"], row["id"]) for row in added}


async def list_sequences(session: Session[Any], keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The bus number under which each known statement was first accepted."""
    rows = await session.fetch(
        "SELECT source, id, sequence FROM journal JOIN unnest($1::text[], $2::text[]) AS k(source, id) USING (source, id)",
        [source for source, _ in keys],
        [id_ for _, id_ in keys],
    )
    return {(row["source"], row["id"]): row["sequence"] for row in rows}


async def lock_dossiers(session: Session[Any], keys: Iterable[Key]) -> dict[Key, Stored]:
    """Lock (and create) the rows of these dossiers, in key order: unsorted keys deadlock."""
    ordered = sorted(set(keys))
    rows = await session.fetch(
        """
        INSERT INTO dossier (unit, code) SELECT * FROM unnest($1::text[], $2::text[])
        ON CONFLICT (unit, code) DO UPDATE SET revision = dossier.revision
        RETURNING unit, code, revision, snapshot, correlation, overdue_said_for, due_soon_said_for
        """,
        [unit for unit, _ in ordered],
        [code for _, code in ordered],
    )
    return {(row["unit"], row["code"]): _stored(row) for row in rows}


async def list_statements(session: Session[Any], keys: Sequence[Key]) -> dict[Key, list[Statement]]:
    """Every statement of these dossiers."""
    found: dict[Key, list[Statement]] = {key: [] for key in keys}
    if not keys:
        return found
    rows = await session.fetch(
        """
        SELECT source, id, kind, unit, dossier, happened_at, correlation, facts::text AS facts
        FROM journal JOIN unnest($1::text[], $2::text[]) AS k(unit, dossier) USING (unit, dossier)
        WHERE kind NOT LIKE 'petition.%'
        """,
        [unit for unit, _ in keys],
        [code for _, code in keys],
    )
    for row in rows:
        found[row["unit"], row["dossier"]].append(read_statement(row))
    return found


async def save_dossiers(session: Session[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write the new state of locked dossiers."""
    await session.execute(
        """
        UPDATE dossier SET revision = t.revision, source = t.source, due_at = t.due_at, is_running = t.is_running,
               overdue_said_for = t.overdue_said_for, correlation = t.correlation, snapshot = t.snapshot
        FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, revision int, source text, due_at timestamptz,
             is_running boolean, overdue_said_for timestamptz, correlation text, snapshot jsonb)
        WHERE dossier.unit = t.unit AND dossier.code = t.code
        """,
        _encode(rows).decode(),
    )


async def hear_sources(session: Session[Any], heard: Sequence[Heard], recorded_at: datetime) -> None:
    """Note the newest statement of each source; a source that once spoke live is live."""
    newest: dict[str, tuple[bool, datetime]] = {}
    for one in heard:
        live, at = newest.get(one.statement.source, (False, one.statement.time))
        newest[one.statement.source] = (live or one.door != "file", max(at, one.statement.time))
    names = sorted(newest)
    await session.execute(
        """
        INSERT INTO source AS s (name, is_live, newest_at, last_recorded_at)
        SELECT name, is_live, newest_at, $4 FROM unnest($1::text[], $2::boolean[], $3::timestamptz[]) AS t(name, is_live, newest_at)
        ON CONFLICT (name) DO UPDATE SET is_live = s.is_live OR excluded.is_live,
               newest_at = greatest(s.newest_at, excluded.newest_at),
               last_recorded_at = greatest(s.last_recorded_at, excluded.last_recorded_at)
        """,
        names,
        [newest[name][0] for name in names],
        [newest[name][1] for name in names],
        recorded_at,
    )


async def set_as_of(session: Session[Any], name: str, as_of: datetime) -> None:
    """A file of this source was heard to its end; an older file never takes anything back."""
    await session.execute(
        """
        INSERT INTO source AS s (name, is_live, newest_at, last_recorded_at, as_of) VALUES ($1, false, $2, $2, $2)
        ON CONFLICT (name) DO UPDATE SET as_of = greatest(s.as_of, excluded.as_of)
        """,
        name,
        as_of,
    )


async def list_sources(session: Session[Any]) -> list[SourceRow]:
    """Every source that was ever heard."""
    rows = await session.fetch("SELECT name, is_live, newest_at, last_recorded_at, as_of FROM source ORDER BY name")
    return [SourceRow(**dict(row)) for row in rows]


@dataclass(frozen=True, kw_only=True)
class View:
    """What one look of the sweep judges: promises before `today` are overdue, those within the other two are near."""

    today: datetime
    near_from: datetime
    near_until: datetime


async def claim_overdue(session: Session[Any], source: str, view: View, limit: int) -> list[Stored]:
    """Lock running dossiers of a source whose promised day is over, not yet called overdue for it."""
    rows = await session.fetch(
        """
        SELECT unit, code, revision, snapshot, correlation, overdue_said_for, due_soon_said_for FROM dossier
        WHERE is_running AND source = $1 AND due_at < $2 AND overdue_said_for IS DISTINCT FROM due_at
        ORDER BY unit, code LIMIT $3 FOR UPDATE SKIP LOCKED
        """,
        source,
        view.today,
        limit,
    )
    return [_stored(row) for row in rows]


async def claim_due_soon(session: Session[Any], source: str, view: View, limit: int) -> list[Stored]:
    """Lock running dossiers of a source whose promise is near and who were not yet called due soon for it."""
    rows = await session.fetch(
        """
        SELECT unit, code, revision, snapshot, correlation, overdue_said_for, due_soon_said_for FROM dossier
        WHERE is_running AND source = $1 AND due_at >= $2 AND due_at < $3 AND due_soon_said_for IS DISTINCT FROM due_at
        ORDER BY unit, code LIMIT $4 FOR UPDATE SKIP LOCKED
        """,
        source,
        max(view.today, view.near_from),
        view.near_until,
        limit,
    )
    return [_stored(row) for row in rows]


async def count_unsaid(session: Session[Any], source: str, view: View) -> int:
    """How many dossiers `claim_overdue` and `claim_due_soon` would find."""
    count: int = await session.fetchval(
        """
        SELECT count(*) FROM dossier WHERE is_running AND source = $1
          AND (due_at < $2 AND overdue_said_for IS DISTINCT FROM due_at
               OR due_at >= $3 AND due_at < $4 AND due_soon_said_for IS DISTINCT FROM due_at)
        """,
        source,
        view.today,
        max(view.today, view.near_from),
        view.near_until,
    )
    return count


async def note_said(session: Session[Any], column: str, dossiers: Sequence[Stored]) -> None:
    """Remember that these dossiers were called overdue (or due soon) for the promise they have now."""
    assert column in ("overdue_said_for", "due_soon_said_for")
    await session.execute(
        f"UPDATE dossier SET {column} = due_at FROM unnest($1::text[], $2::text[]) AS k(u, c) WHERE unit = k.u AND code = k.c",
        [one.unit for one in dossiers],
        [one.code for one in dossiers],
    )


async def find_dossier(session: Session[Any], unit: str, code: str) -> Snapshot | None:
    """The snapshot of one dossier."""
    row = await session.fetchrow("SELECT snapshot FROM dossier WHERE unit = $1 AND code = $2", unit, code)
    return _snapshots.decode(row["snapshot"]) if row and row["snapshot"] else None


async def list_snapshots(session: Session[Any], unit: str, codes: Sequence[str]) -> dict[str, Snapshot]:
    """The snapshots of those of these dossiers that are known."""
    rows = await session.fetch(
        "SELECT code, snapshot FROM dossier WHERE unit = $1 AND code = ANY($2::text[]) AND snapshot IS NOT NULL",
        unit,
        sorted(set(codes)),
    )
    return {row["code"]: _snapshots.decode(row["snapshot"]) for row in rows}


async def list_with_findings(
    session: Session[Any], unit: str, finding: str | None, after: str, limit: int
) -> list[Snapshot]:
    """A unit's dossiers with findings (with this one, when given), by code."""
    rows = await session.fetch(
        """
        SELECT snapshot FROM dossier
        WHERE unit = $1 AND snapshot ? 'findings' AND code > $2 AND ($3::text IS NULL OR snapshot->'findings' ? $3)
        ORDER BY code LIMIT $4
        """,
        unit,
        after,
        finding,
        limit,
    )
    return [_snapshots.decode(row["snapshot"]) for row in rows]


def _stored(row: Any) -> Stored:
    values = dict(row)
    values["snapshot"] = _snapshots.decode(values["snapshot"]) if values["snapshot"] else None
    for name in ("overdue_said_for", "due_soon_said_for"):
        values[name] = values[name].astimezone(LOCAL) if values[name] else None
    return Stored(**values)


def read_statement(row: Any) -> Statement:
    """One row of the journal as the statement it was."""
    return Statement(
        source=row["source"],
        id=row["id"],
        kind=Kind(row["kind"]),
        unit=row["unit"],
        dossier=row["dossier"],
        time=row["happened_at"].astimezone(LOCAL),
        correlation=row["correlation"],
        facts=_facts.decode(row["facts"]),
    )
