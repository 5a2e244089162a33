"""What differs between the live tables and the shadow's: revisions, spans, sums, histories, and every cell of the form by quarter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from services.rebuilding.shadow import SERVICE, SHADOW, enter
from services.reporting.history.domain import NEVER, Version, first_disagreement
from services.reporting.history.repository import KNOWN_SPAN, Key, list_versions
from services.reporting.repository import sum_rollup
from shared.facts import COLUMNS
from shared.measures import SUMS
from shared.periods import PeriodBeforeUnit, PeriodRules, UnknownPeriod, period, quarter_of
from shared.petition_facts import COLUMNS as PETITION_COLUMNS
from shared.units import Units

KEPT = 1_000
"""Differences of one kind that are kept and named; the rest is only counted."""

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that the live tables say otherwise."""

    unit: str
    field: str
    cell: str
    live: str
    rebuilt: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How many things differ, and the first of each kind."""

    count: int
    shown: Sequence[Difference]


async def compare(connection: asyncpg.Connection[Any], rules: PeriodRules, units: Units, told: Told) -> Compared:
    """Compare the two sets in the caller's transaction, in which neither may move."""
    count, shown = 0, list[Difference]()
    told("figures by quarter")
    async for one in _figures(connection, rules, units):
        count += 1
        shown += [one] if count <= KEPT else []
    for what, query in _QUERIES.items():
        told(what)
        rows = await connection.fetch(f"SELECT *, count(*) OVER () AS all_of_them FROM ({query}) AS q LIMIT {KEPT}")
        count += rows[0]["all_of_them"] if rows else 0
        shown += [Difference(**{name: row[name] or "" for name in Difference.__annotations__}) for row in rows]
    told("histories")
    histories = [one async for one in _histories(connection)]
    return Compared(count=count + len(histories), shown=[*shown, *histories[:KEPT]])


async def _figures(connection: asyncpg.Connection[Any], rules: PeriodRules, units: Units) -> AsyncIterator[Difference]:
    for (code, begin, end), of in (await _quarters(connection, rules, units)).items():
        live, rebuilt = [await _cells(connection, schema, of, begin, end) for schema in (SERVICE, SHADOW)]
        for key in sorted(live.keys() | rebuilt.keys()):
            if (was := live.get(key, 0)) != (now := rebuilt.get(key, 0)):
                unit, field, column = key
                yield Difference(
                    unit=unit, field=field, cell=f"II.06a {code} {column}", live=str(was), rebuilt=str(now)
                )


async def _histories(connection: asyncpg.Connection[Any]) -> AsyncIterator[Difference]:
    """By what they answer: the order in which revisions came may cut the same history into other rectangles."""
    begins = [await connection.fetchval(f"SELECT day FROM {schema}.known_since") for schema in (SERVICE, SHADOW)]
    if begins[0] != begins[1]:
        yield Difference(
            unit="", field="", cell="first day of the history", live=str(begins[0]), rebuilt=str(begins[1])
        )
    keys = [(row["unit"], row["code"]) for row in await connection.fetch(_CUT_OTHERWISE)]
    for start in range(0, len(keys), KEPT):
        page = keys[start : start + KEPT]
        live, rebuilt = [await _versions(connection, schema, page) for schema in (SERVICE, SHADOW)]
        for key in page:
            if (day := first_disagreement(live[key], rebuilt[key])) != NEVER:
                unit, code = key
                count = [f"versions: {len(known[key])}" for known in (live, rebuilt)]
                cell = f"history of dossier {code}, as known on {day}"
                yield Difference(unit=unit, field="", cell=cell, live=count[0], rebuilt=count[1])


async def _versions(connection: asyncpg.Connection[Any], schema: str, keys: Sequence[Key]) -> dict[Key, list[Version]]:
    await enter(connection, schema)
    return await list_versions(connection, keys)  # type: ignore[arg-type]  # a connection is a session here


async def _cells(
    connection: asyncpg.Connection[Any], schema: str, units: Sequence[str], begin: date, end: date
) -> dict[tuple[str, str, str], int]:
    await enter(connection, schema)
    sums = await sum_rollup(connection, units, begin, end)  # type: ignore[arg-type]  # a connection is a session here
    return {
        (unit, row["field"], column): int(row[column])
        for unit, rows in sums.items()
        for row in rows
        for column in SUMS
        if row[column]
    }


async def _quarters(
    connection: asyncpg.Connection[Any], rules: PeriodRules, units: Units
) -> dict[tuple[str, date, date], list[str]]:
    """Every quarter in which anything of a unit moved, with the units for which it has these days."""
    rows = await connection.fetch(
        " UNION ".join(
            f"SELECT unit, {day} AS day FROM {schema}.rollup_sum WHERE size = 'month'"
            for schema in (SERVICE, SHADOW)
            for day in ("day", "effective_on")
        )
        + " ORDER BY day, unit"
    )
    found = defaultdict[tuple[str, date, date], list[str]](list)
    for row in rows:
        unit = units.find(row["unit"])
        try:
            quarter = period(quarter_of(row["day"], rules), rules, unit.founded if unit else None)
        except (PeriodBeforeUnit, UnknownPeriod, ValueError):
            continue  # dossiers taken over from before the unit: they stand in its first quarter as carried over
        key = (quarter.code, quarter.begin, quarter.end)
        if row["unit"] not in found[key]:
            found[key].append(row["unit"])
    return found


def _facts(table: str, kind: str, more: str = "false") -> str:
    return f"""
        SELECT unit, '' AS field, '{kind} ' || code AS cell,
               coalesce('revision ' || l.revision, 'missing') AS live,
               coalesce('revision ' || r.revision, 'missing') || CASE WHEN {more} THEN ', other entries' ELSE '' END AS rebuilt
        FROM {SERVICE}.{table} AS l FULL JOIN {SHADOW}.{table} AS r USING (unit, code)
        WHERE l.revision IS DISTINCT FROM r.revision OR {more} ORDER BY unit, code
    """


def _spans(table: str, kind: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    one, other = f"SELECT {names} FROM {SERVICE}.{table}", f"SELECT {names} FROM {SHADOW}.{table}"
    return f"""
        SELECT unit, min(field) AS field, 'spans of {kind} ' || code AS cell,
               (sum(live)::text || ' of its own') AS live, (sum(rebuilt)::text || ' of its own') AS rebuilt
        FROM (
          SELECT unit, code, field, 1 AS live, 0 AS rebuilt FROM ({one} EXCEPT ALL {other}) AS a
          UNION ALL
          SELECT unit, code, field, 0, 1 FROM ({other} EXCEPT ALL {one}) AS b
        ) AS c GROUP BY unit, code ORDER BY unit, code
    """


def _sums(table: str, key: Sequence[str], cell: str) -> str:
    return f"""
        SELECT unit, field, {cell} AS cell, coalesce(l.n, 0)::text AS live, coalesce(r.n, 0)::text AS rebuilt
        FROM {SERVICE}.{table} AS l FULL JOIN {SHADOW}.{table} AS r USING ({", ".join(key)})
        WHERE coalesce(l.n, 0) <> coalesce(r.n, 0) ORDER BY {", ".join(key)}
    """


def _otherwise(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(columns)
    one, other = f"SELECT {names} FROM {SERVICE}.{table}", f"SELECT {names} FROM {SHADOW}.{table}"
    return f"({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one})"


_CUT_OTHERWISE = f"SELECT DISTINCT unit, code FROM ({_otherwise('known_span', KNOWN_SPAN)}) AS q ORDER BY unit, code"
_REVISIONS = f"""
    SELECT unit, '' AS field, 'revision ' || revision || ' of dossier ' || code AS cell,
           coalesce(l.source || ' at ' || l.recorded_at, 'missing') AS live,
           coalesce(r.source || ' at ' || r.recorded_at, 'missing') AS rebuilt
    FROM {SERVICE}.known_revision AS l FULL JOIN {SHADOW}.known_revision AS r USING (unit, code, revision)
    WHERE (l.source, l.recorded_at) IS DISTINCT FROM (r.source, r.recorded_at) ORDER BY unit, code, revision
"""
_KEY = ("unit", "day", "effective_on", "field", "kind")
_QUERIES = {
    "the rollup": _sums("rollup", _KEY, "'rollup ' || kind || ' of ' || day || ' from ' || effective_on"),
    "sums of the rollup": _sums(
        "rollup_sum", (*_KEY, "size"), "size || ' sum ' || kind || ' of ' || day || ' from ' || effective_on"
    ),
    "revisions": _facts("fact", "dossier", "(l.revision = r.revision AND l.entries <> r.entries)"),
    "spans": _spans("span", "dossier", list(COLUMNS)),
    "revisions of petitions": _facts("petition_fact", "petition"),
    "spans of petitions": _spans("petition_span", "petition", list(PETITION_COLUMNS)),
    "revisions heard": _REVISIONS,
}
