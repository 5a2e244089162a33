"""Migrations that move data, on the real PostgreSQL: rows of the version before, and what the new one makes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime

import asyncpg
import pytest
import pytest_asyncio
from alembic import command

from services.embedded import EmbeddedServers
from services.provisioning import DATABASE, provision_database
from shared.database import alembic_config, migrate
from tests.inside import new_folder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url() -> AsyncIterator[str]:
    """A database with the dossier service's role and empty schema."""
    with new_folder() as data:
        async with EmbeddedServers(data, []) as servers:
            await provision_database(servers.postgres_dsn(), {"dossier": servers.folder.secret("postgres-dossier")})
            yield servers.postgres_dsn("dossier", DATABASE)


CENTRE, EXPORT, PETITIONS = "/onestop/31/10966", "/sheet/10510", "/pakn/10966"
JOURNAL = [
    # source, id, unit, kind, happened, recorded: days are local, by recording; 17:00 UTC is midnight here
    (CENTRE, "1", "10966", "received", "2025-11-05T01:00:00Z", "2025-11-05T01:00:00Z"),
    (CENTRE, "2", "10966", "completed", "2025-11-01T01:00:00Z", "2025-11-05T16:59:59Z"),
    (CENTRE, "3", "10966", "received", "2025-11-05T16:59:00Z", "2025-11-05T17:00:00Z"),
    (CENTRE, "4", "10510", "received", "2025-11-05T20:00:00Z", "2025-11-06T08:00:00Z"),
    (EXPORT, "1", "10510", "received", "2024-01-02T01:00:00Z", "2025-12-31T23:00:00Z"),
    (PETITIONS, "1", "10966", "petition.received", "2025-11-05T01:00:00Z", "2025-11-05T02:00:00Z"),
]
COUNTED = {
    (CENTRE, date(2025, 11, 5), "accepted", "10966", 2),
    (CENTRE, date(2025, 11, 6), "accepted", "10966", 1),
    (CENTRE, date(2025, 11, 6), "accepted", "10510", 1),
    (EXPORT, date(2026, 1, 1), "accepted", "10510", 1),
    (PETITIONS, date(2025, 11, 5), "accepted", "10966", 1),
}
COUNTS = "SELECT source, day, what, detail, count FROM dossier.source_count"


async def counted(connection: asyncpg.Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await connection.fetch(COUNTS)]


async def test_scorecards_know_what_was_recorded_before_there_were_any(url: str) -> None:
    config = alembic_config("dossier", url)
    await asyncio.to_thread(command.upgrade, config, "0005")
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT to_regclass('dossier.source_count')") is None
        await connection.executemany(
            """
            INSERT INTO dossier.journal
                (source, id, unit, dossier, kind, happened_at, recorded_at, door, sequence, correlation, facts)
            VALUES ($1, $2, $3, 'H24-1', $4, $5, $6, 'bus', 1, '', '{}')
            """,
            [(*row[:4], *(datetime.fromisoformat(at) for at in row[4:])) for row in JOURNAL],
        )
        await migrate("dossier", url)
        found = await counted(connection)
        assert (len(found), set(found)) == (len(COUNTED), COUNTED)
        assert await connection.fetchval("SELECT count(*) FROM dossier.source_watch") == 0, "nothing was told yet"
        assert await connection.fetchval("SELECT count(*) FROM dossier.journal") == len(JOURNAL)

        await asyncio.to_thread(command.downgrade, config, "0005")
        await migrate("dossier", url)
        assert set(await counted(connection)) == COUNTED, "going back and forth counts nothing twice"
    finally:
        await connection.close()
