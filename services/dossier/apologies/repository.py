"""All queries about apologies; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.dossier.apologies.domain import OPEN, Action, Apology, Word
from services.dossier.domain import OWN_SOURCE
from services.dossier.repository import Key
from shared.database import Session
from shared.events.dossiers import Snapshot
from shared.events.statements import Kind
from shared.localtime import LOCAL

_snapshots = msgspec.json.Decoder(Snapshot)
_actions = msgspec.json.Decoder(Action)
_encode = msgspec.json.Encoder().encode

Actions = dict[datetime, list[Action]]
"""Actions of one dossier by the promise that they are about, oldest first."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An action about one promise of a dossier, and the statements that it has to tell the journal."""

    unit: str
    dossier: str
    due_at: datetime
    action: Action
    statement_ids: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the list."""

    unit: str
    code: str
    due_at: datetime
    standing: str
    since: datetime
    field: str | None
    agency: str | None
    number: str | None
    new_due_at: datetime | None
    reached: dict[str, datetime]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which apologies a list shows; `after` is the promise and the code of the last one shown before."""

    unit: str
    standing: str | None = None
    field: str | None = None
    agency: str | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 100


async def lock_dossier(session: Session[Any], unit: str, code: str) -> Snapshot | None:
    """One dossier, locked until the end of the transaction: its statements are folded behind its actions, or before."""
    row = await session.fetchrow("SELECT snapshot FROM dossier WHERE unit = $1 AND code = $2 FOR UPDATE", unit, code)
    return _snapshots.decode(row["snapshot"]) if row and row["snapshot"] else None


async def list_kept(session: Session[Any], keys: Collection[Key]) -> set[Key]:
    """Those of these dossiers of which an apology is known."""
    rows = await session.fetch(
        "SELECT DISTINCT unit, code FROM apology JOIN unnest($1::text[], $2::text[]) AS k(unit, code) USING (unit, code)",
        *_columns(keys),
    )
    return {(row["unit"], row["code"]) for row in rows}


async def list_words(session: Session[Any], keys: Collection[Key]) -> dict[Key, list[Word]]:
    """What sources other than we ourselves said of apologies and new dates."""
    found = defaultdict[Key, list[Word]](list)
    rows = await session.fetch(
        """
        SELECT unit, dossier, kind, happened_at, (facts->>'extended_due_at')::timestamptz AS new_due_at
        FROM journal JOIN unnest($1::text[], $2::text[]) AS k(unit, dossier) USING (unit, dossier)
        WHERE kind = ANY($3::text[]) AND source <> $4
        """,
        *_columns(keys),
        [Kind.EXTENDED.value, Kind.APOLOGISED.value],
        OWN_SOURCE,
    )
    for row in rows:
        word = Word(kind=Kind(row["kind"]), at=_local(row["happened_at"]), new_due_at=_local(row["new_due_at"]))
        found[row["unit"], row["dossier"]].append(word)
    return found


async def list_actions(session: Session[Any], keys: Collection[Key]) -> dict[Key, Actions]:
    """What was done about the promises of these dossiers."""
    found = defaultdict[Key, Actions](lambda: defaultdict(list))
    rows = await session.fetch(
        """
        SELECT unit, code, due_at, action::text AS action
        FROM apology_action JOIN unnest($1::text[], $2::text[]) AS k(unit, code) USING (unit, code) ORDER BY id
        """,
        *_columns(keys),
    )
    for row in rows:
        found[row["unit"], row["code"]][_local(row["due_at"])].append(_actions.decode(row["action"]))
    return found


async def add_actions(session: Session[Any], recorded: Sequence[Recorded]) -> None:
    """Append actions; a step (but the draft) that is recorded already stays as it is."""
    await session.executemany(
        """
        INSERT INTO apology_action (unit, code, due_at, step, statement_ids, action) VALUES ($1, $2, $3, $4, $5, $6::jsonb)
        ON CONFLICT (unit, code, due_at, step) WHERE step <> 'drafted' DO NOTHING
        """,
        [
            (
                one.unit,
                one.dossier,
                one.due_at,
                one.action.step.value,
                list(one.statement_ids),
                _encode(one.action).decode(),
            )
            for one in recorded
        ],
    )


async def save(session: Session[Any], keys: Collection[Key], apologies: Sequence[tuple[Snapshot, Apology]]) -> None:
    """Put what is known now of these dossiers' apologies in the place of what was known before."""
    await session.execute(
        "DELETE FROM apology USING unnest($1::text[], $2::text[]) AS k(u, c) WHERE unit = k.u AND code = k.c",
        *_columns(keys),
    )
    await session.execute(
        """
        INSERT INTO apology (unit, code, due_at, standing, since, field, agency, number, new_due_at, reached)
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, due_at timestamptz, standing text,
               since timestamptz, field text, agency text, number text, new_due_at timestamptz, reached jsonb)
        """,
        _encode([_row(snapshot, one) for snapshot, one in apologies]).decode(),
    )


async def list_page(session: Session[Any], wanted: Wanted) -> list[Row]:
    """A unit's apologies, oldest promise first."""
    after_due, after_code = wanted.after or (None, "")
    rows = await session.fetch(
        """
        SELECT unit, code, due_at, standing, since, field, agency, number, new_due_at, reached::text AS reached FROM apology
        WHERE unit = $1 AND ($2::text IS NULL OR standing = $2) AND ($3::text IS NULL OR field = $3)
          AND ($4::text IS NULL OR agency = $4) AND ($5::timestamptz IS NULL OR (due_at, code) > ($5, $6::text))
        ORDER BY due_at, code LIMIT $7
        """,
        wanted.unit,
        wanted.standing,
        wanted.field,
        wanted.agency,
        after_due,
        after_code,
        wanted.limit,
    )
    instants = ("due_at", "since", "new_due_at")
    return [
        Row(
            **dict(row)
            | {name: _local(row[name]) for name in instants}
            | {"reached": msgspec.json.decode(row["reached"], type=dict[str, datetime])}
        )
        for row in rows
    ]


async def count_open(session: Session[Any]) -> dict[tuple[str, str], int]:
    """How many apologies are not done with, by unit and standing."""
    rows = await session.fetch(
        "SELECT unit, standing, count(*) AS n FROM apology WHERE standing NOT IN ('published', 'withdrawn') GROUP BY 1, 2"
    )
    assert {row["standing"] for row in rows} <= set(OPEN)
    return {(row["unit"], row["standing"]): row["n"] for row in rows}


async def list_untold(session: Session[Any], limit: int) -> list[Recorded]:
    """Issued letters of which the journal does not know every statement."""
    rows = await session.fetch(
        """
        SELECT unit, code, due_at, statement_ids, action::text AS action FROM apology_action AS a
        WHERE step = 'issued' AND EXISTS (
            SELECT FROM unnest(a.statement_ids) AS s(id)
            WHERE NOT EXISTS (SELECT FROM journal AS j WHERE j.source = $1 AND j.id = s.id))
        ORDER BY id LIMIT $2
        """,
        OWN_SOURCE,
        limit,
    )
    return [
        Recorded(
            unit=row["unit"],
            dossier=row["code"],
            due_at=_local(row["due_at"]),
            action=_actions.decode(row["action"]),
            statement_ids=row["statement_ids"],
        )
        for row in rows
    ]


def _row(snapshot: Snapshot, one: Apology) -> dict[str, Any]:
    letter, reached = one.issued_letter, one.reached()
    progress = one.progress
    assert progress is not None
    return {
        "unit": one.unit,
        "code": one.dossier,
        "due_at": one.due_at,
        "standing": one.standing,
        "since": reached[progress],
        "field": snapshot.state.field,
        "agency": snapshot.state.agency,
        "number": letter.number if letter else None,
        "new_due_at": one.new_due_at,
        "reached": reached,
    }


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    ordered = sorted(keys)
    return [unit for unit, _ in ordered], [code for _, code in ordered]


def _local(instant: Any) -> Any:
    # the database answers in its session's zone; what is printed must not depend on it
    return instant.astimezone(LOCAL) if instant is not None else None
