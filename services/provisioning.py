"""What must exist before a service starts: its role and schema, its tables, the streams and durables of the bus.

`motcua up` does it at every start; in a cluster it is the one-shot job `motcua provision`. Doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import nats

from services.notification.hearing import heard_subjects
from services.notification.rules import load_rules
from shared import topology
from shared.bus import servers_of, trusting
from shared.database import migrate

DATABASE = "motcua"


async def provision_database(admin_url: str, passwords: Mapping[str, str]) -> None:
    """A database with one role and one schema a service; no role can read another's.

    `passwords` names each role's password; the passwords are set anew, so a changed secret takes effect.
    """
    root = await asyncpg.connect(admin_url)
    try:
        if not await root.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await root.execute(f"CREATE DATABASE {DATABASE}")
        for name, password in passwords.items():
            verb = "ALTER" if await root.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name) else "CREATE"
            literal = await root.fetchval("SELECT quote_literal($1)", password)  # DDL takes no parameters
            await root.execute(f"{verb} ROLE {name} LOGIN PASSWORD {literal}")
    finally:
        await root.close()
    inside = await asyncpg.connect(database_url(admin_url))
    try:
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {DATABASE} FROM PUBLIC")
        for name in passwords:
            await inside.execute(f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {name}")
            await inside.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {name}")
    finally:
        await inside.close()


async def provision_monitoring(admin_url: str, password: str) -> None:
    """A role that may see the server's figures and no row of any service."""
    inside = await asyncpg.connect(database_url(admin_url))
    try:
        exists = await inside.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'monitoring'")
        literal = await inside.fetchval("SELECT quote_literal($1)", password)
        await inside.execute(f"{'ALTER' if exists else 'CREATE'} ROLE monitoring LOGIN PASSWORD {literal}")
        await inside.execute("GRANT pg_monitor TO monitoring")
        await inside.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO monitoring")
    finally:
        await inside.close()


async def migrate_all(urls: Mapping[str, str]) -> None:
    """Bring every service's schema to its newest version; `urls` are the services' own."""
    for name, url in urls.items():
        await migrate(name, url)


async def provision_bus(operator_url: str, rules: Path, *, replicas: int = 1, ca: Path | None = None) -> None:
    """Create or update streams and durables with the operator's account; over TLS when `ca` is given.

    The alert rules below `rules` decide what the notification service hears; raises `RuleError` when they are wrong.
    """
    only = heard_subjects(load_rules(rules))
    tls = {} if ca is None else {"tls": trusting(ca)}
    operator = await nats.connect(servers_of(operator_url), max_reconnect_attempts=3, **tls)
    try:
        await topology.ensure(operator.jetstream(), replicas=replicas, only=only)
    finally:
        await operator.close()


def database_url(url: str, *, user: str | None = None, password: str | None = None, database: str = DATABASE) -> str:
    """The url of the system's database (or another) on the server of `url`, as another role when one is given."""
    parts = urlsplit(url)
    place = parts.netloc if user is None else f"{user}:{password or ''}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit((parts.scheme, place, f"/{database}", parts.query, ""))
