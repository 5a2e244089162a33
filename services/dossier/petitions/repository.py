"""Queries about petitions; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from services.dossier.petitions.rules import Deadline
from services.dossier.repository import Key
from shared.database import Session
from shared.events.petition_snapshots import PetitionSnapshot
from shared.events.petitions import PetitionFacts, PetitionKind, PetitionStatement
from shared.localtime import LOCAL

_snapshots = msgspec.json.Decoder(PetitionSnapshot)
_facts = msgspec.json.Decoder(PetitionFacts)
_encode = msgspec.json.Encoder().encode
_COLUMNS = "unit, code, revision, snapshot, correlation, transfer_said_for, answer_said_for"
_UNSAID = """
    source = $1 AND (transfer_due_at < $2 AND transfer_said_for IS DISTINCT FROM transfer_due_at
                     OR answer_due_at < $2 AND answer_said_for IS DISTINCT FROM answer_due_at)
"""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A petition's row: its last snapshot, and the deadlines for which it was called overdue."""

    unit: str
    code: str
    revision: int
    snapshot: PetitionSnapshot | None
    correlation: str = ""
    said_for: Mapping[Deadline, datetime | None] = field(default_factory=dict)


async def lock_petitions(session: Session[Any], keys: Iterable[Key]) -> dict[Key, Stored]:
    """Lock (and create) the rows of these petitions, in key order: unsorted keys deadlock."""
    ordered = sorted(set(keys))
    rows = await session.fetch(
        f"""
        INSERT INTO petition (unit, code) SELECT * FROM unnest($1::text[], $2::text[])
        ON CONFLICT (unit, code) DO UPDATE SET revision = petition.revision RETURNING {_COLUMNS}
        """,
        [unit for unit, _ in ordered],
        [code for _, code in ordered],
    )
    return {(row["unit"], row["code"]): _stored(row) for row in rows}


async def list_statements(session: Session[Any], keys: Sequence[Key]) -> dict[Key, list[PetitionStatement]]:
    """Every statement of these petitions."""
    found: dict[Key, list[PetitionStatement]] = {key: [] for key in keys}
    if not keys:
        return found
    rows = await session.fetch(
        """
        SELECT source, id, kind, unit, dossier AS code, happened_at, correlation, facts::text AS facts
        FROM journal JOIN unnest($1::text[], $2::text[]) AS k(unit, dossier) USING (unit, dossier)
        WHERE kind LIKE 'petition.%'
        """,
        [unit for unit, _ in keys],
        [code for _, code in keys],
    )
    for row in rows:
        found[row["unit"], row["code"]].append(_statement(row))
    return found


async def save_petitions(session: Session[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write the new state of locked petitions."""
    await session.execute(
        """
        UPDATE petition SET revision = t.revision, source = t.source, transfer_due_at = t.transfer_due_at,
               answer_due_at = t.answer_due_at, transfer_said_for = t.transfer_said_for,
               answer_said_for = t.answer_said_for, correlation = t.correlation, snapshot = t.snapshot
        FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, revision int, source text,
             transfer_due_at timestamptz, answer_due_at timestamptz, transfer_said_for timestamptz,
             answer_said_for timestamptz, correlation text, snapshot jsonb)
        WHERE petition.unit = t.unit AND petition.code = t.code
        """,
        _encode(rows).decode(),
    )


async def claim_overdue(session: Session[Any], source: str, before: datetime, limit: int) -> list[Stored]:
    """Lock petitions of a source with a running deadline that ended before an instant and was not yet said."""
    rows = await session.fetch(
        f"""
        SELECT {_COLUMNS} FROM petition WHERE {_UNSAID}
        ORDER BY unit, code LIMIT $3 FOR UPDATE SKIP LOCKED
        """,
        source,
        before,
        limit,
    )
    return [_stored(row) for row in rows]


async def count_unsaid(session: Session[Any], source: str, before: datetime) -> int:
    """How many petitions `claim_overdue` would find."""
    return int(await session.fetchval(f"SELECT count(*) FROM petition WHERE {_UNSAID}", source, before))


async def note_said(session: Session[Any], said: Iterable[tuple[Stored, Deadline]]) -> None:
    """Remember that these petitions were called overdue for the deadline that they have now."""
    for deadline in Deadline:
        rows = [row for row, one in said if one is deadline]
        await session.execute(
            f"""
            UPDATE petition SET {deadline}_said_for = {deadline}_due_at
            FROM unnest($1::text[], $2::text[]) AS k(u, c) WHERE unit = k.u AND code = k.c
            """,
            [one.unit for one in rows],
            [one.code for one in rows],
        )


async def find_petition(session: Session[Any], unit: str, code: str) -> PetitionSnapshot | None:
    """The snapshot of one petition."""
    found = await session.fetchval("SELECT snapshot FROM petition WHERE unit = $1 AND code = $2", unit, code)
    return _snapshots.decode(found) if found else None


def _stored(row: Any) -> Stored:
    said = {one: row[f"{one}_said_for"] for one in Deadline}
    return Stored(
        unit=row["unit"],
        code=row["code"],
        revision=row["revision"],
        snapshot=_snapshots.decode(row["snapshot"]) if row["snapshot"] else None,
        correlation=row["correlation"],
        said_for={one: instant.astimezone(LOCAL) if instant else None for one, instant in said.items()},
    )


def _statement(row: Any) -> PetitionStatement:
    return PetitionStatement(
        source=row["source"],
        id=row["id"],
        kind=PetitionKind(row["kind"]),
        unit=row["unit"],
        petition=row["code"],
        time=row["happened_at"].astimezone(LOCAL),
        correlation=row["correlation"],
        facts=_facts.decode(row["facts"]),
    )
