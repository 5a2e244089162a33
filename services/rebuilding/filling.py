"""The two heavy steps of a rebuild, in pieces that run beside each other: events sorted by dossier, dossiers folded into rows.

Events wait in the database, divided by dossier into shares: one share is sorted and folded at a time, so memory does not
grow with the stream.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from services.backup import Installation
from services.provisioning import DATABASE
from services.rebuilding.reading import Archive, Heard, Stream, heard, read_each
from services.rebuilding.shadow import SHADOW, as_service
from services.reporting.history.filling import kept_of
from services.reporting.history.repository import KNOWN_REVISION, KNOWN_SPAN, revision_row, rows_of
from shared.events.dossiers import Snapshot, read_snapshot
from shared.events.petition_snapshots import PetitionSnapshot, read_petition_snapshot
from shared.facts import COLUMNS, entries, spans
from shared.petition_facts import COLUMNS as PETITION_COLUMNS
from shared.petition_facts import petition_spans

if TYPE_CHECKING:
    from services.rebuilding.shadow import Connection

PIECE = 20_000
"""Events that one piece of work reads, and about as many that one share holds: fifty megabytes."""
MOST_SHARES = 256
_PAGE = 2_000
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What one piece of the source held."""

    events: int
    unreadable: int


async def prepare(connection: Connection, events: int) -> int:
    """Make the tables in which events wait; returns how many shares there are."""
    shares = min(MOST_SHARES, events // PIECE + 1)
    # uncompressed and in place: most events have two thousand bytes, just more than what is packed away by default
    await connection.execute(
        f"""
        CREATE TABLE {SHADOW}.heard (
          share smallint, place bigint, petition boolean, unit text COLLATE "C", code text COLLATE "C", revision int,
          body bytea STORAGE EXTERNAL
        ) PARTITION BY LIST (share)
        """
    )
    for share in range(shares):
        await connection.execute(
            f"""
            CREATE UNLOGGED TABLE {SHADOW}.heard_{share} PARTITION OF {SHADOW}.heard FOR VALUES IN ({share})
            WITH (toast_tuple_target = 8160, autovacuum_enabled = false)
            """
        )
    return shares


def sort_out(chunk: Iterable[tuple[int, str, bytes]]) -> tuple[list[Heard], int]:
    """The events of a chunk that tell of a dossier or petition, and how many should have and cannot be read."""
    told = [(place, subject, body) for place, subject, body in chunk if not subject.startswith("source.")]
    found = [one for place, subject, body in told if (one := heard(place, subject, body))]
    return found, len(told) - len(found)


async def load(installation: Installation, source: str, shares: int, after: int, upto: int) -> Loaded:
    """Let the events behind `after` up to `upto` of the source of that name wait in their shares."""
    events = unreadable = 0
    async with _source(installation, source) as reader, as_service(installation) as connection:
        async for chunk in reader.read(after, upto):
            found, bad = sort_out(chunk)
            events, unreadable = events + len(chunk), unreadable + bad
            await connection.copy_records_to_table(
                "heard",
                schema_name=SHADOW,
                columns=["share", "place", "petition", "unit", "code", "revision", "body"],
                records=[
                    (_share(one, shares), one.place, one.petition, one.unit, one.code, one.revision, one.body)
                    for one in found
                ],
            )
    return Loaded(events=events, unreadable=unreadable)


@asynccontextmanager
async def _source(installation: Installation, name: str) -> AsyncIterator[Stream | Archive]:
    if name == Stream.name:
        async with installation.bus() as bus:
            yield Stream(bus)
    else:
        async with installation.admin(DATABASE) as admin:
            yield Archive(admin)


def _share(one: Heard, shares: int) -> int:
    return zlib.crc32(f"{one.unit}/{one.code}".encode()) % shares


async def fold(installation: Installation, share: int) -> int:
    """Write facts, spans and history of the dossiers of one share; returns how many dossiers and petitions there are."""
    count = 0
    async with as_service(installation) as connection, connection.transaction():
        rows = await connection.cursor(
            f"SELECT petition, unit, code, body FROM {SHADOW}.heard_{share} ORDER BY petition, unit, code, revision, place"
        )
        rest = list[Any]()
        while page := await rows.fetch(_PAGE):
            of_dossier = [list(of) for _, of in groupby(rest + page, key=lambda row: row[:3])]
            rest = of_dossier.pop()  # its revisions may go on in the next page
            count += await _write_all(connection, of_dossier)
        count += await _write_all(connection, [rest] if rest else [])
    return count


async def _write_all(connection: Connection, of_dossier: Sequence[Sequence[Any]]) -> int:
    dossiers = [_told(of, read_snapshot) for of in of_dossier if not of[0]["petition"]]
    petitions = [_told(of, read_petition_snapshot) for of in of_dossier if of[0]["petition"]]
    await _write_dossiers(connection, [told for told in dossiers if told])
    await _write_petitions(connection, [told[-1] for told in petitions if told])
    return len(of_dossier)


def _told(rows: Sequence[Any], read: Any) -> list[Any]:
    """The revisions of one dossier or petition in rising order; of one that was said twice the first."""
    told = read_each((row["body"] for row in rows), read)
    return [next(same) for _, same in groupby(told, key=attrgetter("revision"))]


async def _write_dossiers(connection: Connection, dossiers: Sequence[Sequence[Snapshot]]) -> None:
    facts, cut, kept = list[tuple[Any, ...]](), list[dict[str, Any]](), dict[tuple[str, str], Any]()
    for told in dossiers:
        newest = told[-1]
        of_dossier = spans(newest)
        facts.append((newest.unit, newest.dossier, newest.revision, _encode(entries(of_dossier)).decode()))
        cut += of_dossier
        if older := kept_of(told):
            kept[newest.unit, newest.dossier] = older
    revisions = [revision_row(one) for told in dossiers for one in told]
    await _write(connection, "fact", ("unit", "code", "revision", "entries"), facts)
    await _write(connection, "span", COLUMNS, ([span[name] for name in COLUMNS] for span in cut))
    await _write(connection, "known_revision", KNOWN_REVISION, revisions)
    states = ({**row, "state": row["state"] and _encode(row["state"]).decode()} for row in rows_of(kept))
    await _write(connection, "known_span", KNOWN_SPAN, ([row[name] for name in KNOWN_SPAN] for row in states))


async def _write_petitions(connection: Connection, petitions: Sequence[PetitionSnapshot]) -> None:
    facts = [(one.unit, one.petition, one.revision) for one in petitions]
    await _write(connection, "petition_fact", ("unit", "code", "revision"), facts)
    cut = ([span[name] for name in PETITION_COLUMNS] for one in petitions for span in petition_spans(one))
    await _write(connection, "petition_span", PETITION_COLUMNS, cut)


async def _write(connection: Connection, table: str, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    await connection.copy_records_to_table(table, schema_name=SHADOW, columns=list(columns), records=rows)


async def forget_events(connection: Connection) -> None:
    """All of them are rows now."""
    await connection.execute(f"DROP TABLE {SHADOW}.heard")
