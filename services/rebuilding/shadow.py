"""The shadow: a schema beside the service's own with the same tables, so that the service's code works in it unchanged.

Every table is copied, empty, and the search path names no other schema: what follows dossiers finds no closed report
and no proposal in there, and cannot touch one. Only the tables of `TABLES` ever take the place of live ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from services.backup import Installation
from services.provisioning import database_url
from services.reporting.repository.rollup import summed_by_size

SERVICE, SHADOW = "reporting", "reporting_rebuild"
TABLES = (
    "fact", "span", "rollup", "rollup_sum", "petition_fact", "petition_span", "known_revision", "known_span", "known_since",
)  # fmt: skip
"""What follows from the revisions of each dossier and petition, and nothing else does."""

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]
_encode = msgspec.json.Encoder().encode
_EPOCH = date(2000, 1, 1).toordinal()


@asynccontextmanager
async def shadow_schema(admin: Connection) -> AsyncIterator[None]:
    """An empty schema that the service's role owns, taken away at the end; what a crash left behind is cleared first."""
    await admin.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")
    await admin.execute(f"CREATE SCHEMA {SHADOW} AUTHORIZATION {SERVICE}")
    try:
        yield
    finally:
        await admin.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")


@asynccontextmanager
async def as_service(installation: Installation) -> AsyncIterator[Connection]:
    """The administrator in the service's role: what is made belongs to the service, and views on it can be made again."""
    connection = await asyncpg.connect(
        database_url(installation.admin_url),
        server_settings={
            "timezone": "Asia/Ho_Chi_Minh", "jit": "off", "work_mem": "64MB", "application_name": "motcua-rebuild",
        },
    )  # fmt: skip
    await connection.execute(f"SET ROLE {SERVICE}")
    # the driver would write 9999-12-31, on which a span that holds for ever ends, as PostgreSQL's `infinity`
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda day: (day.toordinal() - _EPOCH,),
        decoder=lambda days: date.fromordinal(days[0] + _EPOCH),
    )
    try:
        yield connection
    finally:
        connection.terminate()  # an interrupted COPY has no other end


async def enter(connection: Connection, schema: str) -> None:
    """Names without a schema mean this one's from now on, until the transaction ends."""
    await connection.execute(f"SET LOCAL search_path = {schema}")


async def copy_tables(connection: Connection) -> None:
    """Every table of the service, empty and without indexes."""
    for name in await _tables(connection):
        await connection.execute(
            f"CREATE TABLE {SHADOW}.{name} (LIKE {SERVICE}.{name} INCLUDING ALL EXCLUDING INDEXES)"
        )


async def _tables(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tablename <> 'alembic_version'", SERVICE
    )
    return [row["tablename"] for row in rows]


async def finish(connection: Connection) -> None:
    """Sum the rollup from all facts at once, say when the history begins, make the indexes, let the planner know the sizes."""
    await connection.execute(
        f"""
        INSERT INTO {SHADOW}.rollup (unit, field, kind, day, effective_on, n)
        SELECT e->>0, e->>1, e->>2, (e->>3)::date, (e->>4)::date, sum((e->>5)::int)
        FROM {SHADOW}.fact, jsonb_array_elements(entries) AS e GROUP BY 1, 2, 3, 4, 5 HAVING sum((e->>5)::int) <> 0
        """
    )
    await connection.execute(
        f"""
        INSERT INTO {SHADOW}.rollup_sum (unit, size, day, effective_on, field, kind, n)
        {summed_by_size(f"{SHADOW}.rollup")}
        """
    )
    await connection.execute(
        f"""
        INSERT INTO {SHADOW}.known_since (id, day, is_partial)
        SELECT 1, coalesce(min(recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, DATE '9999-12-31'), false
        FROM {SHADOW}.known_revision
        """
    )
    await _copy_indexes(connection)
    for table in TABLES:
        await connection.execute(f"ANALYZE {SHADOW}.{table}")


async def _copy_indexes(connection: Connection) -> None:
    """Under their own names, which are a schema's: a later migration finds each where it looks for it."""
    rows = await connection.fetch(
        """
        SELECT t.relname AS table, c.relname AS name, pg_get_indexdef(i.indexrelid) AS made, k.oid AS key,
               pg_get_constraintdef(k.oid) AS constraint
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
        LEFT JOIN pg_constraint AS k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
        WHERE t.relnamespace = $1::regnamespace AND t.relname = ANY($2::text[]) ORDER BY 1, 2
        """,
        SERVICE,
        await _tables(connection),
    )
    for row in rows:
        if row["key"] is None:
            await connection.execute(row["made"].replace(f" ON {SERVICE}.", f" ON {SHADOW}.", 1))
        else:
            added = f'ADD CONSTRAINT "{row["name"]}" {row["constraint"]}'
            await connection.execute(f'ALTER TABLE {SHADOW}."{row["table"]}" {added}')


async def hold_still(connection: Connection) -> None:
    """Wait for batches and closings under way and keep new ones waiting until the transaction ends; figures are still read.

    Proposals too: who judges late facts looks at one moment, and must not find half of it in tables that are new.
    """
    names = ("fact", "petition_fact", "report", "report_proposal")
    await connection.execute(
        f"LOCK TABLE {', '.join(f'{SERVICE}.{name}' for name in names)} IN SHARE ROW EXCLUSIVE MODE"
    )


async def promote(connection: Connection) -> None:
    """Put the shadow's tables in the place of the live ones, in the caller's transaction: all of them or none.

    Views on them (the boards') are made again as they were; nothing else may depend on them.
    """
    views = await _views(connection)
    for view in views:
        await connection.execute(f"DROP VIEW {view['name']}")
    for table in TABLES:
        await _replace(connection, table)
    await connection.execute("RESET ROLE")  # the service may not make views in another schema
    for view in views:
        await connection.execute(f"CREATE VIEW {view['name']} AS {view['query']}")
        await connection.execute(f"ALTER VIEW {view['name']} OWNER TO {view['owner']}")
        await _grant(connection, view["name"], view["grants"])
    await connection.execute(f"SET ROLE {SERVICE}")


async def _views(connection: Connection) -> list[dict[str, Any]]:
    await enter(connection, "pg_catalog")  # every name in the queries with its schema
    rows = await connection.fetch(
        """
        SELECT DISTINCT v.oid::regclass::text AS name, pg_get_viewdef(v.oid) AS query,
               quote_ident(pg_get_userbyid(v.relowner)) AS owner
        FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
        WHERE d.refobjid = ANY($1::regclass[]::oid[]) ORDER BY 1
        """,
        [f"{SERVICE}.{table}" for table in TABLES],
    )
    return [{**row, "grants": await _grants(connection, row["name"])} for row in rows]


async def _grants(connection: Connection, name: str) -> list[tuple[str, str]]:
    rows = await connection.fetch(
        """
        SELECT DISTINCT privilege_type AS what, quote_ident(pg_get_userbyid(grantee)) AS role
        FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass($1) AND grantee <> relowner AND grantee <> 0
        """,
        name,
    )
    return [(row["what"], row["role"]) for row in rows]


async def _grant(connection: Connection, name: str, grants: Iterable[tuple[str, str]]) -> None:
    for what, role in grants:
        await connection.execute(f"GRANT {what} ON {name} TO {role}")


async def _replace(connection: Connection, table: str) -> None:
    live = f"{SERVICE}.{table}"
    owned = await connection.fetch(
        """
        SELECT d.objid::regclass::text AS sequence, a.attname AS column
        FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S'
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.refobjid = to_regclass($1) AND d.deptype = 'a'
        """,
        live,
    )
    grants = await _grants(connection, live)
    for one in owned:  # the numbers of spans go on where they were
        await connection.execute(f"ALTER SEQUENCE {one['sequence']} OWNED BY NONE")
    await connection.execute(f"DROP TABLE {live}")
    await connection.execute(f"ALTER TABLE {SHADOW}.{table} SET SCHEMA {SERVICE}")
    for one in owned:
        await connection.execute(f"ALTER SEQUENCE {one['sequence']} OWNED BY {live}.{one['column']}")
    await _grant(connection, live, grants)


async def note(
    connection: Connection, *, source: str, events: int, reason: str | None, differences: int, shown: Sequence[Any]
) -> None:
    """Keep that the tables were replaced, and what differed, in the transaction that replaces them."""
    await connection.execute(
        f"""
        INSERT INTO {SERVICE}.rebuild (promoted_at, source, events, reason, differences, shown)
        VALUES (now(), $1, $2, $3, $4, $5::jsonb)
        """,
        source,
        events,
        reason,
        differences,
        _encode(shown).decode(),
    )
