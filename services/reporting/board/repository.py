"""All queries of the built-in board: those of the catalogue, and the lists behind; every one with the role `board`."""

from __future__ import annotations

from typing import Any

from services.reporting.board.domain import Asked
from shared.boards import ASKED, Listed, Queries
from shared.boards.sql import BEGIN, END, TODAY, age, asked_as, bound, day, unit_name, word
from shared.database import Session
from shared.measures import AS_OF, SPAN

_ASKED = asked_as({name: f"${place}" for place, name in enumerate(ASKED, 1)})


async def ask(session: Session[Any], body: str, asked: Asked, *more: Any) -> list[dict[str, Any]]:
    """Rows of a rendered query; parameters from $7 on are the caller's."""
    values = (asked.begin, asked.end, list(asked.units), asked.today, asked.now, asked.period)
    return [dict(row) for row in await session.fetch(f"{_ASKED}\n{body}", *values, *more)]


def list_query(queries: Queries, listed: Listed) -> str:
    """The list behind a panel; $7 is the key of a bar or row (NULL for all of them)."""
    if listed.query is not None:
        return f"{queries.render(listed.query)}"
    assert listed.of is not None
    table, condition = queries.condition(listed.of)
    begin, end = (BEGIN, END) if listed.at == "period" else (TODAY, TODAY)
    part = f"{_key(listed, end)} = $7::text" if listed.by else "true"
    return (
        f"SELECT {_shown(table, end)} FROM {table} WHERE {bound(AS_OF, begin, end)}"
        f" AND ({bound(condition, begin, end)}) AND ($7::text IS NULL OR {part}) ORDER BY due_on NULLS LAST, unit, code"
    )


def _key(listed: Listed, end: str) -> str:
    if listed.by == "age":
        return f"{age(f'{end} - due_on')}::text"
    return f"coalesce({listed.by}::text, '')"


def _shown(table: str, end: str) -> str:
    done = "finished_on" if table == SPAN else "settled_on"
    over = f"CASE WHEN {done} IS NOT NULL OR NOT {_waits(table)} THEN nullif(greatest(coalesce({done}, {end}) - due_on, 0), 0) END"
    return (
        f'code AS "Mã hồ sơ", {unit_name("unit")} AS "Đơn vị", field AS "Lĩnh vực", {word("agency", "agency")} AS "Phòng",'
        f' {day("received_on")} AS "Tiếp nhận", {day("due_on")} AS "Hẹn trả", {day(done)} AS "Xong", {over} AS "Quá (ngày)",'
        f' {word("status", "status")} AS "Trạng thái"'
    )


def _waits(table: str) -> str:
    return "waiting" if table == SPAN else "false"


async def count_list(session: Session[Any], query: str, asked: Asked, key: str | None) -> int:
    """How many rows a list has."""
    return int((await ask(session, _typed(f"SELECT count(*) AS n FROM ({query}) AS listed"), asked, key))[0]["n"])


async def page_of_list(
    session: Session[Any], query: str, asked: Asked, key: str | None, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Some rows of a list, in its order."""
    return await ask(
        session, _typed(f"SELECT * FROM ({query}) AS listed LIMIT {limit:d} OFFSET {offset:d}"), asked, key
    )


def _typed(query: str) -> str:
    # a list of its own has no keys, and PostgreSQL wants to know the type of what it is given
    return query if "$7" in query else f", keyed AS (SELECT $7::text) {query}"


async def find_window(session: Session[Any], units: list[str], period: str | None, today: Any) -> dict[str, Any] | None:
    """Code, first and last day of a report period for these units, by default that of `today`; None when there is none."""
    row: Any = await session.fetchrow(
        """
        SELECT code, greatest(begin, founded) AS begin, least("end", greatest($3, begin)) AS "end"
        FROM period, (SELECT min(founded) AS founded FROM unit WHERE unit.code = ANY($1::text[])) AS f
        WHERE "end" >= coalesce(founded, begin) AND CASE WHEN $2::text IS NULL THEN kind = 'quarter' AND $3 BETWEEN begin AND "end" ELSE code = $2 END
        """,
        units,
        period,
        today,
    )
    return dict(row) if row else None


async def list_periods(session: Session[Any], today: Any) -> list[str]:
    """Periods that have begun, newest first."""
    rows = await session.fetch(
        """
        SELECT code FROM period WHERE begin <= $1 AND "end" >= (SELECT min(founded) FROM unit)
        ORDER BY "end" DESC, begin DESC LIMIT 40
        """,
        today,
    )
    return [row["code"] for row in rows]


async def list_units(session: Session[Any]) -> list[tuple[str, str]]:
    """Code and name of the units of which anything is known."""
    rows = await session.fetch(
        """
        WITH RECURSIVE known AS (
          SELECT min(unit) AS unit FROM rollup
          UNION ALL SELECT (SELECT min(r.unit) FROM rollup AS r WHERE r.unit > known.unit) FROM known WHERE known.unit IS NOT NULL
        )
        SELECT code, title FROM unit JOIN known ON known.unit = unit.code ORDER BY title, code
        """
    )
    return [(row["code"], row["title"]) for row in rows]
