"""All queries about sources; each runs in a transaction that the edge commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.dossier.domain import FINISHES, KEEPS_STATUS, REOPENS
from services.dossier.scorecard.domain import FACTS, Count, Series, What
from shared.database import Session
from shared.events.statements import Kind
from shared.localtime import LOCAL

SEVERAL_DAYS = 7
"""Days before the one looked at in which the last number of a series is looked for."""
_DAY = "(recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date"
_CODE = r"^(?:\d{3}\.\d{2}\.\d{2}\.)?[A-Z]\d{2}(?:\.\d+)*-"
"""Beginning of the dossier code of TT 01/2018 Điều 19 (domain.md §2.6); then YYMMDD-number."""


@dataclass(frozen=True, kw_only=True)
class DayRow:
    """What the journal tells of one day of a source."""

    day: date
    accepted: int
    delay_p50: int
    delay_p95: int
    received: int
    missing_facts: dict[str, int]
    code_date_differs: int
    heard: list[datetime]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source with what was already said about it."""

    name: str
    is_live: bool
    newest_at: datetime
    last_recorded_at: datetime
    told_until: date | None
    silent_since: datetime | None


async def add_counts(session: Session[Any], counts: Mapping[Count, int]) -> None:
    """Add to the counters, in key order: unsorted keys deadlock."""
    ordered = sorted(counts)
    await session.execute(
        """
        INSERT INTO source_count AS c (source, day, what, detail, count)
        SELECT * FROM unnest($1::text[], $2::date[], $3::text[], $4::text[], $5::bigint[])
        ON CONFLICT (source, day, what, detail) DO UPDATE SET count = c.count + excluded.count
        """,
        [one.source for one in ordered],
        [one.day for one in ordered],
        [one.what.value for one in ordered],
        [one.detail for one in ordered],
        [counts[one] for one in ordered],
    )


async def list_newest(session: Session[Any], names: Iterable[str]) -> dict[str, datetime]:
    """The newest statement of each source that was heard before."""
    rows = await session.fetch("SELECT name, newest_at FROM source WHERE name = ANY($1::text[])", sorted(set(names)))
    return {row["name"]: row["newest_at"] for row in rows}


async def list_units(session: Session[Any], names: Iterable[str]) -> dict[str, list[str]]:
    """The units of which each source spoke, the one it speaks of most first; an unknown source is missing."""
    rows = await session.fetch(
        """
        SELECT source, detail AS unit FROM source_count WHERE what = $1 AND source = ANY($2::text[])
        GROUP BY source, detail ORDER BY source, sum(count) DESC, detail
        """,
        What.ACCEPTED.value,
        sorted(set(names)),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row["unit"])
    return found


async def list_counts(session: Session[Any], begin: date, end: date, source: str | None = None) -> dict[Count, int]:
    """Counters of these days, both included; of one source or of all."""
    rows = await session.fetch(
        """
        SELECT source, day, what, detail, count FROM source_count
        WHERE day BETWEEN $1 AND $2 AND ($3::text IS NULL OR source = $3)
        """,
        begin,
        end,
        source,
    )
    return {Count(row["source"], row["day"], What(row["what"]), row["detail"]): row["count"] for row in rows}


async def find_first_day(session: Session[Any], source: str) -> date | None:
    """The first day on which a source said something that was accepted."""
    query = "SELECT min(day) FROM source_count WHERE source = $1 AND what = $2"
    found: date | None = await session.fetchval(query, source, What.ACCEPTED.value)
    return found


async def list_days(session: Session[Any], source: str, begin: datetime, end: datetime) -> list[DayRow]:
    """What the journal tells of each day from `begin` until `end`; days without a word are missing."""
    missing = ", ".join(
        f"count(*) FILTER (WHERE kind = 'received' AND facts->>'{name}' IS NULL) AS no_{name}" for name in FACTS
    )
    rows = await session.fetch(
        f"""
        SELECT {_DAY} AS day, count(*) AS accepted, count(*) FILTER (WHERE kind = 'received') AS received, {missing},
               percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (
                   ORDER BY greatest(0, extract(epoch FROM recorded_at - happened_at))::bigint) AS delays,
               count(*) FILTER (WHERE kind = 'received' AND substring(dossier from $4) <> to_char(
                   coalesce((facts->>'received_at')::timestamptz, happened_at) AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYMMDD')
               ) AS code_date_differs,
               array_agg(DISTINCT date_trunc('minute', recorded_at)) AS heard
        FROM journal WHERE source = $1 AND recorded_at >= $2 AND recorded_at < $3 GROUP BY 1 ORDER BY 1
        """,
        source,
        begin,
        end,
        _CODE + r"(\d{6})-\d{4,6}$",
    )
    return [
        DayRow(
            day=row["day"],
            accepted=row["accepted"],
            delay_p50=row["delays"][0],
            delay_p95=row["delays"][1],
            received=row["received"],
            missing_facts={name: row[f"no_{name}"] for name in FACTS if row[f"no_{name}"]},
            code_date_differs=row["code_date_differs"],
            heard=[one.astimezone(LOCAL) for one in row["heard"]],
        )
        for row in rows
    ]


async def list_moves(session: Session[Any], source: str, begin: datetime, end: datetime) -> dict[date, tuple[int, int]]:
    """By day: statements that re-opened a finished dossier, and those that said *filed* or *refused* after a reception."""
    rows = await session.fetch(
        f"""
        SELECT {_DAY} AS day, count(*) FILTER (WHERE kind = ANY($4::text[]) AND before.last = ANY($5::text[])) AS reopened,
               count(*) FILTER (WHERE kind = ANY($6::text[]) AND before.received) AS backward
        FROM journal j, LATERAL (
            SELECT (array_agg(kind ORDER BY happened_at DESC, id DESC) FILTER (WHERE kind <> ALL($7::text[])))[1] AS last,
                   bool_or(kind = 'received') AS received
            FROM journal o WHERE o.unit = j.unit AND o.dossier = j.dossier AND o.kind NOT LIKE 'petition.%'
                  AND o.happened_at < j.happened_at) before
        WHERE source = $1 AND recorded_at >= $2 AND recorded_at < $3 AND kind = ANY($4::text[] || $6::text[]) GROUP BY 1
        """,
        source,
        begin,
        end,
        [kind.value for kind in REOPENS],
        [kind.value for kind in FINISHES],
        [Kind.SUBMITTED.value, Kind.REFUSED.value],
        [kind.value for kind in KEEPS_STATUS],
    )
    return {row["day"]: (row["reopened"], row["backward"]) for row in rows}


async def list_id_series(session: Session[Any], source: str, begin: datetime, end: datetime) -> list[Series]:
    """Series of ids of one day; each begins behind its last number of the days before, so that no gap lies between."""
    rows = await session.fetch(
        r"""
        WITH numbers AS (
            SELECT substring(id from '^(.*?)[0-9]+$') AS prefix, substring(id from '[0-9]+$') AS tail, recorded_at >= $2 AS today
            FROM journal WHERE source = $1 AND recorded_at >= $2 - $4 * interval '1 day' AND recorded_at < $3 AND id ~ '(^|[^0-9])[0-9]{1,15}$'
        ), series AS (
            SELECT prefix, max(tail::bigint) FILTER (WHERE NOT today) AS before, min(tail::bigint) FILTER (WHERE today) AS first,
                   max(tail::bigint) FILTER (WHERE today) AS last, count(DISTINCT tail::bigint) FILTER (WHERE today) AS count,
                   CASE WHEN bool_or(tail LIKE '0%') THEN min(length(tail)) ELSE 1 END AS width
            FROM numbers GROUP BY prefix
        )
        SELECT prefix, width, CASE WHEN before < last THEN before + 1 ELSE first END AS first, last, count
        FROM series WHERE count > 0 AND (before IS NULL OR last > before) ORDER BY prefix
        """,
        source,
        begin,
        end,
        SEVERAL_DAYS,
    )
    return [Series(**dict(row)) for row in rows]


async def list_code_series(
    session: Session[Any], source: str, begin: datetime, end: datetime
) -> list[tuple[str, Series]]:
    """Series of dossier codes that one day's receptions bear, by unit; four digits are the order of the day."""
    rows = await session.fetch(
        """
        SELECT unit, left(dossier, -4) AS prefix, 4 AS width, min(right(dossier, 4)::int) AS first,
               max(right(dossier, 4)::int) AS last, count(DISTINCT dossier) AS count
        FROM journal WHERE source = $1 AND recorded_at >= $2 AND recorded_at < $3 AND kind = 'received' AND dossier ~ $4
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        source,
        begin,
        end,
        _CODE + r"\d{6}-\d{4}$",
    )
    return [(row["unit"], Series(**{name: value for name, value in row.items() if name != "unit"})) for row in rows]


async def list_arrived(session: Session[Any], source: str, ids: Sequence[str], units: Sequence[str] | None) -> set[str]:
    """Which of these ids a source's statements bear; `units` limits whom they may speak of (`None`: all)."""
    rows = await session.fetch(
        "SELECT id FROM journal WHERE source = $1 AND id = ANY($2::text[]) AND ($3::text[] IS NULL OR unit = ANY($3))",
        source,
        list(ids),
        units,
    )
    return {row["id"] for row in rows}


async def list_ids_between(
    session: Session[Any], source: str, first: str, last: str, units: Sequence[str] | None, limit: int
) -> list[str]:
    """Ids that arrived from `first` to `last` in the order of their bytes."""
    rows = await session.fetch(
        """
        SELECT id FROM journal WHERE source = $1 AND id COLLATE "C" BETWEEN $2 AND $3 AND ($4::text[] IS NULL OR unit = ANY($4))
        ORDER BY id COLLATE "C" LIMIT $5
        """,
        source,
        first,
        last,
        units,
        limit,
    )
    return [row["id"] for row in rows]


async def list_known_codes(session: Session[Any], unit: str, codes: Sequence[str]) -> set[str]:
    """Which of these dossier codes are known in a unit, whoever spoke of them."""
    query = "SELECT code FROM dossier WHERE unit = $1 AND code = ANY($2::text[])"
    return {row["code"] for row in await session.fetch(query, unit, list(codes))}


async def list_watched(session: Session[Any]) -> list[Watched]:
    """Every source with what was said about it, locked against a second watcher; a row that another holds is left out."""
    await session.execute("INSERT INTO source_watch (name) SELECT name FROM source ON CONFLICT DO NOTHING")
    rows = await session.fetch(
        """
        SELECT s.name, s.is_live, s.newest_at, s.last_recorded_at, w.told_until, w.silent_since
        FROM source_watch w JOIN source s USING (name) ORDER BY s.name FOR UPDATE OF w SKIP LOCKED
        """
    )
    return [Watched(**dict(row)) for row in rows]


async def save_watched(
    session: Session[Any], name: str, told_until: date | None, silent_since: datetime | None
) -> None:
    """Note what was said about a source."""
    query = "UPDATE source_watch SET told_until = $2, silent_since = $3 WHERE name = $1"
    await session.execute(query, name, told_until, silent_since)
