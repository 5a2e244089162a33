"""Every role of the database on every table of every schema: what docs/security.md allows works, everything else is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.provisioning import DATABASE, provision_monitoring
from shared.topology import SERVICES
from tests.inside import Inside, inside, new_folder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")


def page() -> dict[str, tuple[set[str], set[str]]]:
    """(schemas it reads, schemas it writes) of each role in the table of the page."""
    rows = [line.split("|")[1:4] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| *")]
    return {name.strip().strip("*"): (_schemas(reads), _schemas(writes)) for name, reads, writes in rows}


def _schemas(cell: str) -> set[str]:
    return {word.strip() for word in cell.split(",")} & set(SERVICES)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[tuple[Inside, asyncpg.Connection]]:
    with new_folder() as data:
        async with inside(data) as running:
            await provision_monitoring(running.system.servers.postgres_dsn(), "for-the-test")
            connection = await asyncpg.connect(running.system.servers.postgres_dsn(database=DATABASE))
            yield running, connection
            await connection.close()


async def test_every_role_may_on_every_table_what_the_page_says(server: tuple[Inside, asyncpg.Connection]) -> None:
    _, admin = server
    roles = {
        row["rolname"]
        for row in await admin.fetch("SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname <> 'postgres'")
    }
    assert roles == set(page()), "a role of the database is missing in docs/security.md, or the other way round"
    tables = await admin.fetch(
        "SELECT schemaname, format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert {row["schemaname"] for row in tables} == set(SERVICES) and len(tables) >= 38
    found = {
        (role, row["name"], verb)
        for role in roles
        for row in tables
        for verb in VERBS
        if await admin.fetchval(
            # a table's privilege is worth nothing without the schema's
            "SELECT has_schema_privilege($1, $2, 'USAGE') AND has_table_privilege($1, $3, $4)",
            role, row["schemaname"], row["name"], verb,
        )
    }  # fmt: skip
    assert found == {
        (role, row["name"], verb)
        for role, (reads, writes) in page().items()
        for row in tables
        for verb in VERBS
        if row["schemaname"] in (reads if verb == "SELECT" else writes)
    }


async def test_no_role_may_more_than_that(server: tuple[Inside, asyncpg.Connection]) -> None:
    _, admin = server
    for role, (_, writes) in page().items():
        flags = await admin.fetchrow(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication FROM pg_roles WHERE rolname = $1",
            role,
        )
        assert not any(flags.values()), role
        makes = {
            one
            for one in (*SERVICES, "public")
            if await admin.fetchval("SELECT has_schema_privilege($1, $2, 'CREATE')", role, one)
        }
        assert makes == writes, role
        assert not await admin.fetchval(f"SELECT has_database_privilege($1, '{DATABASE}', 'CREATE, TEMPORARY')", role)


async def test_a_role_is_refused_on_the_wire_and_by_another_s_password(
    server: tuple[Inside, asyncpg.Connection],
) -> None:
    running, _ = server
    dsn = running.system.servers.postgres_dsn(database=DATABASE)
    place = dsn.rpartition("@")[2]
    monitoring = await asyncpg.connect(f"postgresql://monitoring:for-the-test@{place}")
    try:
        for table in ("dossier.journal", "reporting.report", "notification.alert", "inspection.evidence"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for schema"):
                await monitoring.fetch(f"SELECT * FROM {table}")
    finally:
        await monitoring.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://dossier:for-the-test@{place}")
