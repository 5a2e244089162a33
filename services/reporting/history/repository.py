"""Queries about what was known when, and the facts of dossiers as known on a day, for the queries of every form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from services.reporting.history.domain import (
    NEVER,
    UNHEARD,
    Steps,
    Version,
    learn,
    steps_of,
    versions,
    worth_keeping,
)
from shared.database import Session
from shared.events.dossiers import Snapshot, Stated
from shared.facts import COLUMNS as SPAN
from shared.facts import FOR_EVER, spans
from shared.localtime import LOCAL, local_date, start_of_day

Key = tuple[str, str]
"""(unit, dossier code)."""
Revision = tuple[str, str, int]
"""(unit, dossier code, revision)."""

_encode = msgspec.json.Encoder().encode
_NAMES = [name for name in SPAN if name not in ("valid_from", "valid_to")]
KNOWN_SPAN = ("unit", "code", "known_from", "known_to", "valid_from", "valid_to", "state")
_OVER = "known_from <= {day} AND known_to > {day} AND valid_from <= {cut} AND valid_to > {cut}"


def facts_as_known(known_on: date | None, parameters: list[Any]) -> str:
    """The facts of dossiers as a query reads them: the table of now, or how the units $3 stood for $2 as known on a day.

    Either has the columns of `shared.facts`, so every condition of `shared.measures` runs over both. The day is appended
    to `parameters`.
    """
    if known_on is None:
        return "span"
    parameters.append(known_on)
    day = f"${len(parameters)}::date"
    cut = f"least($2::date, {day})"
    over, names = _OVER.format(day=day, cut=cut), ", ".join(_NAMES)
    return f"""(
        SELECT {names}, '-infinity'::date AS valid_from, 'infinity'::date AS valid_to
        FROM (SELECT state FROM known_span WHERE unit = ANY($3::text[]) AND {over}
              AND state IS NOT NULL) AS k, LATERAL jsonb_populate_record(NULL::span, k.state)
        UNION ALL
        SELECT {names}, '-infinity'::date, 'infinity'::date FROM span
        WHERE unit = ANY($3::text[]) AND valid_from <= {cut} AND valid_to > {cut} AND NOT EXISTS (
          SELECT FROM known_span AS k WHERE k.unit = span.unit AND k.code = span.code
          AND {over.replace("valid_", "k.valid_").replace("known_", "k.known_")})
    ) AS known"""


async def keep_history(
    session: Session[Any],
    snapshots: Sequence[Snapshot],
    replaced: Mapping[Key, int],
    folded: Mapping[Revision, Sequence[dict[str, Any]]],
) -> None:
    """Note every revision heard and keep what the newest one says otherwise; in any order, each once.

    Call it when the facts are locked and before their spans are replaced: `replaced` holds, for each dossier whose newest
    revision changes, the revision that it had (0 when it is new); `folded` the spans of those that the caller has made.
    """
    fresh = await _note_revisions(session, snapshots)
    if not fresh:
        return
    bases = await _list_spans(session, [key for key in fresh if replaced.get(key) != 0])
    kept = await list_kept(session, [key for key in fresh if replaced.get(key) != 0])
    older = [key for key, told in fresh.items() if key not in replaced or told[0].revision < replaced[key]]
    days = await _list_days(session, older)
    changed = dict[Key, list[Version]]()
    for key, told in fresh.items():
        before = kept.get(key, [])
        claiming = [(one, folded.get((*key, one.revision)) or spans(one)) for one in lasting(told)]
        after = _learn_all(claiming, bases.get(key, UNHEARD), before, days.get(key, {}), replaced.get(key))
        if after != before:
            changed[key] = after
    await _replace_kept(session, changed, had=[key for key in changed if key in kept])


def lasting(told: Sequence[Snapshot]) -> list[Snapshot]:
    """Those of one dossier's revisions, in rising order, that claim a day at all: none that gave way on the day it came."""
    found, until = list[Snapshot](), NEVER
    for one in reversed(told):
        day = local_date(one.recorded_at)
        if day < until:
            found.append(one)
            until = day
    return found[::-1]


def _learn_all(
    told: Sequence[tuple[Snapshot, Sequence[dict[str, Any]]]],
    base: Steps,
    kept: Sequence[Version],
    days: Mapping[int, date],
    newest: int | None,
) -> list[Version]:
    """What is to be kept after these revisions of one dossier with their spans, given in rising order.

    `newest` is the revision that gives way, `None` when none of these is newer.
    """
    known = versions(base, kept)
    for one, of_revision in told:
        day, steps = local_date(one.recorded_at), steps_of(of_revision, FOR_EVER)
        is_newest = newest is not None and one.revision > newest
        until = NEVER if is_newest else min((day for other, day in days.items() if other > one.revision), default=NEVER)
        known = learn(known, steps, day, until)
        base = steps if is_newest else base
    return worth_keeping(known, base)


KNOWN_REVISION = ("unit", "code", "revision", "recorded_at", "source", "stated")


def revision_row(one: Snapshot) -> tuple[Any, ...]:
    """The columns `KNOWN_REVISION` of a revision."""
    stated = _encode(one.stated).decode() if one.stated else None
    return one.unit, one.dossier, one.revision, one.recorded_at, one.source, stated


async def _note_revisions(session: Session[Any], snapshots: Sequence[Snapshot]) -> dict[Key, list[Snapshot]]:
    """Those not heard before, by dossier in rising order."""
    unique = {(one.unit, one.dossier, one.revision): one for one in snapshots}
    if not unique:
        return {}
    rows_to_note = [revision_row(unique[key]) for key in sorted(unique)]
    rows = await session.fetch(
        f"""
        INSERT INTO known_revision ({", ".join(KNOWN_REVISION)})
        SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::jsonb[])
        ON CONFLICT DO NOTHING RETURNING unit, code, revision
        """,
        *zip(*rows_to_note, strict=True),
    )
    fresh = defaultdict[Key, list[Snapshot]](list)
    for row in sorted((row["unit"], row["code"], row["revision"]) for row in rows):
        fresh[row[0], row[1]].append(unique[row])
    if fresh:
        first = min(local_date(one.recorded_at) for told in fresh.values() for one in told)
        # most batches meet no such row and lock nothing
        await session.execute("UPDATE known_since SET day = $1 WHERE day > $1 AND NOT is_partial", first)
    return fresh


async def _list_days(session: Session[Any], keys: Sequence[Key]) -> dict[Key, dict[int, date]]:
    """The day on which each revision of these dossiers was recorded; of one from before the history, its first day."""
    found = defaultdict[Key, dict[int, date]](dict)
    if keys:
        for row in await session.fetch(
            f"""
            SELECT unit, code, revision, (SELECT day FROM known_since) AS day FROM fact WHERE {_KEYS}
            UNION ALL
            SELECT unit, code, revision, (recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date FROM known_revision
            WHERE {_KEYS}
            """,
            *_parts(keys),
        ):
            found[row["unit"], row["code"]][row["revision"]] = row["day"]
    return found


_KEYS = "(unit, code) IN (SELECT * FROM unnest($1::text[], $2::text[]))"


def _parts(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    ordered = list(keys)
    return [unit for unit, _ in ordered], [code for _, code in ordered]


async def _list_spans(session: Session[Any], keys: Sequence[Key]) -> dict[Key, Steps]:
    """The newest revision of these dossiers as steps."""
    found = defaultdict[Key, list[dict[str, Any]]](list)
    if keys:
        for row in await session.fetch(f"SELECT {', '.join(SPAN)} FROM span WHERE {_KEYS}", *_parts(keys)):
            found[row["unit"], row["code"]].append(dict(row))
    return {key: steps_of(rows, FOR_EVER) for key, rows in found.items()}


async def list_kept(session: Session[Any], keys: Sequence[Key]) -> dict[Key, list[Version]]:
    """What was known otherwise than now of these dossiers, oldest knowledge first."""
    found = defaultdict[tuple[str, str, date, date], list[tuple[date, Any]]](list)
    if keys:
        names = ", ".join(f"r.{name}" for name in _NAMES)
        for row in await session.fetch(
            f"""
            SELECT k.known_from, k.known_to, k.valid_from, k.state IS NULL AS absent, k.unit AS k_unit, k.code AS k_code, {names}
            FROM (SELECT * FROM known_span WHERE {_KEYS}) AS k, LATERAL jsonb_populate_record(NULL::span, k.state) AS r
            ORDER BY k.unit, k.code, k.known_from, k.valid_from
            """,
            *_parts(keys),
        ):
            state = None if row["absent"] else {name: row[name] for name in _NAMES}
            key = (row["k_unit"], row["k_code"], row["known_from"], row["known_to"])
            found[key].append((row["valid_from"], state))
    kept = defaultdict[Key, list[Version]](list)
    for (unit, code, begin, end), steps in found.items():
        kept[unit, code].append(Version(known_from=begin, known_to=end, steps=steps))
    return kept


async def _replace_kept(session: Session[Any], changed: Mapping[Key, Sequence[Version]], *, had: Sequence[Key]) -> None:
    if had:
        await session.execute(f"DELETE FROM known_span WHERE {_KEYS}", *_parts(had))
    rows = rows_of(changed)
    if rows:
        names = ", ".join(KNOWN_SPAN)
        await session.execute(
            f"""
            INSERT INTO known_span ({names}) SELECT {names} FROM jsonb_to_recordset($1::jsonb)
            AS t(unit text, code text, known_from date, known_to date, valid_from date, valid_to date, state jsonb)
            """,
            _encode(rows).decode(),
        )


def rows_of(kept: Mapping[Key, Sequence[Version]]) -> list[dict[str, Any]]:
    """What was known otherwise than now, as rows of `known_span`."""
    return [
        {
            "unit": unit, "code": code, "known_from": one.known_from, "known_to": one.known_to, "valid_from": begin,
            "valid_to": one.steps[number + 1][0] if number + 1 < len(one.steps) else FOR_EVER,
            "state": state and {name: value for name, value in state.items() if value is not None},
        }
        for (unit, code), of in sorted(kept.items()) for one in of for number, (begin, state) in enumerate(one.steps)
    ]  # fmt: skip


async def begins(session: Session[Any]) -> date | None:
    """The first day of which is known what was known; `None` before anything was heard."""
    day: date = await session.fetchval("SELECT day FROM known_since")
    return None if day == FOR_EVER else day


async def list_revisions(
    session: Session[Any], keys: Sequence[Key], known_from: date, known_to: date
) -> dict[Key, list[dict[str, Any]]]:
    """Revisions recorded after the end of one day and by the end of another, in order."""
    found = defaultdict[Key, list[dict[str, Any]]](list)
    begin, end = (start_of_day(day + timedelta(days=1)) for day in (known_from, known_to))
    for row in await session.fetch(
        f"""
        SELECT unit, code, revision, recorded_at, source, stated FROM known_revision
        WHERE {_KEYS} AND recorded_at >= $3 AND recorded_at < $4 ORDER BY unit, code, revision
        """,
        *_parts(keys),
        begin,
        end,
    ):
        recorded: datetime = row["recorded_at"].astimezone(LOCAL)
        found[row["unit"], row["code"]].append(
            {
                "revision": row["revision"],
                "source": row["source"],
                "recorded_at": recorded,
                "stated": _stated(row["stated"]),
            }
        )
    return found


_decode_stated = msgspec.json.Decoder(list[Stated]).decode


def _stated(kept: str | None) -> list[dict[str, Any]]:
    return [
        {"kind": one.kind, "happened_at": one.at.astimezone(LOCAL), "source": one.source, "id": one.id}
        for one in (_decode_stated(kept) if kept else ())
    ]


async def list_versions(session: Session[Any], keys: Sequence[Key]) -> dict[Key, list[Version]]:
    """Everything that was ever known of these dossiers."""
    bases, kept = await _list_spans(session, keys), await list_kept(session, keys)
    return {key: versions(bases.get(key, UNHEARD), kept.get(key, [])) for key in keys}
