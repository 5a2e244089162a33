"""Take a backup while everything runs: the bus first, then one snapshot of the whole database.

In that order nothing falls between the two: what was read from the bus after we looked is in the database, and said again
after a restore it is a duplicate, which counts once.
"""

from __future__ import annotations

import asyncio
import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from services.backup import bus as bus_part
from services.backup.folder import DATABASE_DUMP, RULES, BackupFailed, Manifest, seal
from services.backup.installation import Installation, Tell
from services.backup.programs import run_tool
from services.provisioning import DATABASE, database_url
from shared.localtime import LOCAL
from shared.topology import SERVICES
from shared.version import VERSION


async def save(installation: Installation, target: Path, tell: Tell) -> Manifest:
    """Save into *target*, which must not hold anything yet; whole when it is there, nothing when it breaks off."""
    with _draft_of(target) as draft:
        shutil.copytree(installation.rules, draft / RULES)
        manifest = await _save(installation, draft, tell)
        await asyncio.to_thread(seal, draft, manifest)
    return manifest


@contextmanager
def _draft_of(target: Path) -> Iterator[Path]:
    """A folder that becomes *target* when the block ends well, and vanishes when it does not."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupFailed(f"{target} is not empty; name a folder that does not exist yet")
    draft = target.with_name(f".{target.name}.unfinished")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        yield draft
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except OSError as error:
        if error.filename is None and error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise  # of a connection, not of a file
        place = error.filename or target
        raise BackupFailed(f"cannot write {place}: {error.strerror or error}; nothing was saved") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _save(installation: Installation, draft: Path, tell: Tell) -> Manifest:
    made_at = datetime.now(LOCAL)
    async with installation.bus() as bus:
        nats = str(bus.connected_server_version).strip("<>").rpartition(" v")[2]
        messages = await bus_part.save_bus(bus, draft, tell)
    async with (
        installation.admin(DATABASE) as database,
        database.transaction(isolation="repeatable_read", readonly=True),
    ):
        snapshot = await database.fetchval("SELECT pg_export_snapshot()")
        tables = await database.fetch(
            """
            SELECT schemaname || '.' || tablename AS name, pg_table_size(format('%I.%I', schemaname, tablename)) AS size
            FROM pg_tables WHERE schemaname = ANY($1) ORDER BY name
            """,
            list(SERVICES),
        )
        await run_tool(
            "pg_dump", database_url(installation.admin_url), "--format=custom", "--no-privileges",
            f"--snapshot={snapshot}", f"--file={draft / DATABASE_DUMP}", *(f"--schema={name}" for name in SERVICES),
            sizes={row["name"]: row["size"] for row in tables}, tell=tell,
        )  # fmt: skip
        return Manifest(
            made_at=made_at,
            version=VERSION,
            postgres=str(await database.fetchval("SHOW server_version")),
            nats=nats,
            schemas={
                name: str(await database.fetchval(f"SELECT version_num FROM {name}.alembic_version"))
                for name in SERVICES
            },
            rows={row["name"]: await database.fetchval(f"SELECT count(*) FROM {row['name']}") for row in tables},
            messages=messages,
        )
