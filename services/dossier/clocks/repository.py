"""All queries about clocks; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.dossier.clocks.book import Content
from services.dossier.clocks.domain import Clocks
from services.dossier.repository import Key
from shared.database import Session
from shared.events.dossiers import Snapshot

_snapshots = msgspec.json.Decoder(Snapshot)
_clocks = msgspec.json.Decoder(Clocks)
_encode = msgspec.json.Encoder().encode
_BEHIND = """
    SELECT d.unit, d.code, d.snapshot, c.revision AS old_revision, c.book AS old_book, c.clocks AS old_clocks
    FROM dossier d LEFT JOIN dossier_clock c ON c.unit = d.unit AND c.code = d.code
"""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """A dossier to be measured, and how it was measured before."""

    snapshot: Snapshot
    old_revision: int | None
    old_book: str | None
    old_clocks: Clocks | None

    @property
    def key(self) -> Key:
        return self.snapshot.unit, self.snapshot.dossier


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A dossier's clocks as they are stored; `before` where the rules moved them."""

    unit: str
    code: str
    revision: int
    is_open: bool
    reason: str
    clocks: Clocks
    before: Clocks | None = None


@dataclass(frozen=True, kw_only=True)
class StoredClocks:
    """A row of clocks with the state that it belongs to."""

    snapshot: Snapshot
    clocks: Clocks
    revision: int
    computed_at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One time that the rules moved a dossier's clocks."""

    computed_at: datetime
    reason: str
    before: Clocks
    after: Clocks


async def list_named(session: Session[Any], keys: Sequence[Key]) -> list[Behind]:
    """These dossiers, as far as they were ever recorded."""
    rows = await session.fetch(
        _BEHIND
        + "JOIN unnest($1::text[], $2::text[]) AS k(u, k) ON d.unit = k.u AND d.code = k.k WHERE d.revision > 0",
        [unit for unit, _ in keys],
        [code for _, code in keys],
    )
    return [_behind(row) for row in rows]


async def list_unmeasured(session: Session[Any], after: Key, limit: int) -> list[Behind]:
    """The next dossiers whose newest revision was not measured, in key order."""
    rows = await session.fetch(
        _BEHIND
        + """WHERE (d.unit, d.code) > ($1, $2) AND d.revision > 0 AND c.revision IS DISTINCT FROM d.revision
             ORDER BY d.unit, d.code LIMIT $3""",
        *after,
        limit,
    )
    return [_behind(row) for row in rows]


async def list_by_other_book(session: Session[Any], book: str, limit: int) -> list[Behind]:
    """Open dossiers that another edition of the rules measured; a finished one keeps what it had."""
    rows = await session.fetch(
        _BEHIND + "WHERE c.is_open AND c.book <> $1 ORDER BY d.unit, d.code LIMIT $2", book, limit
    )
    return [_behind(row) for row in rows]


async def save(session: Session[Any], measured: Sequence[Measured], book: str, now: datetime) -> None:
    """Store clocks, in key order, never over those of a newer revision; note what the rules moved."""
    rows = [
        {
            "unit": one.unit,
            "code": one.code,
            "revision": one.revision,
            "is_open": one.is_open,
            "differs": one.clocks.differs,
            "reason": one.reason,
            "clocks": one.clocks,
        }
        for one in sorted(measured, key=lambda one: (one.unit, one.code))
    ]
    await session.execute(
        """
        INSERT INTO dossier_clock AS c (unit, code, revision, book, is_open, differs, computed_at, reason, clocks)
        SELECT unit, code, revision, $2, is_open, differs, $3, reason, clocks
        FROM jsonb_to_recordset($1::jsonb) AS t(unit text, code text, revision int, is_open boolean, differs boolean,
             reason text, clocks jsonb)
        ON CONFLICT (unit, code) DO UPDATE SET revision = excluded.revision, book = excluded.book,
             is_open = excluded.is_open, differs = excluded.differs, computed_at = excluded.computed_at,
             reason = excluded.reason, clocks = excluded.clocks
        WHERE c.revision <= excluded.revision
        """,
        _encode(rows).decode(),
        book,
        now,
    )
    moved = [one for one in measured if one.before is not None]
    if moved:
        await session.executemany(
            """INSERT INTO dossier_clock_change (unit, code, computed_at, reason, before, after)
               VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb)""",
            [
                (one.unit, one.code, now, one.reason, _encode(one.before).decode(), _encode(one.clocks).decode())
                for one in moved
            ],
        )


async def keep_book(session: Session[Any], fingerprint: str, content: Content, now: datetime) -> None:
    """Remember what an edition says, so that the next one can be compared with it."""
    await session.execute(
        "INSERT INTO clock_book (fingerprint, first_used_at, content) VALUES ($1, $2, $3::jsonb) ON CONFLICT DO NOTHING",
        fingerprint,
        now,
        _encode(content).decode(),
    )


async def find_book(session: Session[Any], fingerprint: str) -> Content:
    """What an edition said; empty when it is not known."""
    content = await session.fetchval("SELECT content::text FROM clock_book WHERE fingerprint = $1", fingerprint)
    found: Content = msgspec.json.decode(content) if content else {}
    return found


async def find_clocks(session: Session[Any], unit: str, code: str) -> StoredClocks | None:
    """The clocks of one dossier."""
    row = await session.fetchrow(
        """SELECT d.snapshot, c.clocks, c.revision, c.computed_at, c.reason
           FROM dossier_clock c JOIN dossier d ON d.unit = c.unit AND d.code = c.code WHERE c.unit = $1 AND c.code = $2""",
        unit,
        code,
    )
    return _stored(row) if row else None


async def list_changes(session: Session[Any], unit: str, code: str) -> list[Change]:
    """Every time that the rules moved a dossier's clocks, oldest first."""
    rows = await session.fetch(
        "SELECT computed_at, reason, before, after FROM dossier_clock_change WHERE unit = $1 AND code = $2 ORDER BY id",
        unit,
        code,
    )
    return [
        Change(
            computed_at=row["computed_at"],
            reason=row["reason"],
            before=_clocks.decode(row["before"]),
            after=_clocks.decode(row["after"]),
        )
        for row in rows
    ]


async def list_differing(session: Session[Any], unit: str, after: str, limit: int) -> list[StoredClocks]:
    """A unit's dossiers whose promised date is not the computed one, by code."""
    rows = await session.fetch(
        """SELECT d.snapshot, c.clocks, c.revision, c.computed_at, c.reason
           FROM dossier_clock c JOIN dossier d ON d.unit = c.unit AND d.code = c.code
           WHERE c.differs AND c.unit = $1 AND c.code > $2 ORDER BY c.code LIMIT $3""",
        unit,
        after,
        limit,
    )
    return [_stored(row) for row in rows]


def _behind(row: Any) -> Behind:
    return Behind(
        snapshot=_snapshots.decode(row["snapshot"]),
        old_revision=row["old_revision"],
        old_book=row["old_book"],
        old_clocks=_clocks.decode(row["old_clocks"]) if row["old_clocks"] else None,
    )


def _stored(row: Any) -> StoredClocks:
    values = dict(row)
    return StoredClocks(
        **values | {"snapshot": _snapshots.decode(values["snapshot"]), "clocks": _clocks.decode(values["clocks"])}
    )
