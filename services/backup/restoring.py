"""Bring a backup back: into a database beside the present one, counted, and only then put in its place.

Until that last step nothing of what is there is touched, so a restore that breaks off can simply be tried again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path
from typing import Any

import asyncpg

from services.backup import bus as bus_part
from services.backup.folder import DATABASE_DUMP, RULES, BackupFailed, BackupRefused, Manifest, verify
from services.backup.installation import Installation, Tell
from services.backup.programs import run_tool
from services.provisioning import DATABASE, database_url, migrate_all, provision_bus, provision_database

DRAFT, REPLACED = f"{DATABASE}_restoring", f"{DATABASE}_replaced"
_FILLED = ("dossier.journal", "reporting.report", "inspection.evidence", "notification.alert")
"""What people and centres gave us; other tables are made from these, or by the services' own start."""


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was brought back, and what the operator should know."""

    manifest: Manifest
    republished: int | None
    """Events put on an empty bus; `None` when the bus still held its streams, which are read again instead."""
    added: tuple[str, ...]
    """Streams and durables beside ours that were made again."""
    other_rules: tuple[str, ...]
    """Rule files that are not what they were when the backup was taken."""


async def restore(installation: Installation, folder: Path, tell: Tell, *, replace: bool = False) -> Restored:
    """Bring *folder* back; `BackupRefused` before anything is touched when it may not or cannot be."""
    manifest = await asyncio.to_thread(verify, folder)
    async with installation.admin() as root:
        await _refuse_unless_free(root, installation, replace=replace)
        await provision_database(installation.admin_url, installation.passwords)
        await _fill_draft(root, installation, folder, manifest, tell)
        await _put_in_place(root)
    await provision_database(installation.admin_url, installation.passwords)
    await migrate_all(installation.service_urls())
    async with installation.bus() as bus:
        if replace:
            await bus_part.clear(bus)
        refilling = await bus_part.is_empty(bus)
        if not refilling:
            await bus_part.read_again(bus)
        await provision_bus(
            installation.bus_url, installation.rules, replicas=installation.replicas, ca=installation.ca
        )
        republished = None
        if refilling:
            async with installation.admin(DATABASE) as database:
                republished = await bus_part.refill(bus, database, tell)
            await bus_part.put_back_messages(bus, folder, sum(manifest.messages.values()), tell)
        added = await bus_part.put_back_configuration(bus, folder)
    return Restored(
        manifest=manifest,
        republished=republished,
        added=tuple(added),
        other_rules=_other_rules(folder / RULES, installation.rules),
    )


async def _refuse_unless_free(root: asyncpg.Connection[Any], installation: Installation, *, replace: bool) -> None:
    running = await root.fetchval(
        "SELECT string_agg(DISTINCT application_name, ', ') FROM pg_stat_activity WHERE datname = $1 AND "
        "application_name LIKE 'motcua-%'",
        DATABASE,
    )
    if running:
        raise BackupRefused(f"services are at work on this database ({running}); stop them first")
    if replace or not await root.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
        return
    async with installation.admin(DATABASE) as database:
        for table in _FILLED:
            if await database.fetchval("SELECT to_regclass($1)", table) and (
                count := await database.fetchval(f"SELECT count(*) FROM {table}")
            ):
                raise BackupRefused(
                    f"this installation is not empty ({table} has {count:,} rows); name an empty one, or give --replace "
                    "to put the backup in the place of all that is here"
                )


async def _fill_draft(
    root: asyncpg.Connection[Any], installation: Installation, folder: Path, manifest: Manifest, tell: Tell
) -> None:
    await root.execute(f"DROP DATABASE IF EXISTS {DRAFT} WITH (FORCE)")
    await root.execute(f"CREATE DATABASE {DRAFT}")
    await run_tool(
        "pg_restore", database_url(installation.admin_url, database=DRAFT), "--single-transaction",
        "--exit-on-error", str(folder / DATABASE_DUMP), sizes=manifest.rows, tell=tell,
    )  # fmt: skip
    async with installation.admin(DRAFT) as database:
        for table, wanted in manifest.rows.items():
            found = await database.fetchval(f"SELECT count(*) FROM {table}")
            if found != wanted:
                raise BackupFailed(f"{table} came back with {found:,} rows instead of {wanted:,}; nothing was replaced")
        await database.execute("ANALYZE")


async def _put_in_place(root: asyncpg.Connection[Any]) -> None:
    await root.execute(f"DROP DATABASE IF EXISTS {REPLACED} WITH (FORCE)")
    await root.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)", [DATABASE, DRAFT]
    )
    await root.execute(f"ALTER DATABASE {DATABASE} RENAME TO {REPLACED}")
    await root.execute(f"ALTER DATABASE {DRAFT} RENAME TO {DATABASE}")
    await root.execute(f"DROP DATABASE {REPLACED} WITH (FORCE)")


def _other_rules(saved: Path, present: Path) -> tuple[str, ...]:
    names = {path.relative_to(root) for root in (saved, present) for path in root.rglob("*") if path.is_file()}
    return tuple(sorted(one.as_posix() for one in names if not _same(saved / one, present / one)))


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and cmp(one, other, shallow=False)
