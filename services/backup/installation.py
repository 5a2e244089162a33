"""The servers that a backup is taken from or brought back to, embedded or in containers, as their operators reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import nats
from nats.aio.client import Client

from services.provisioning import database_url
from shared.bus import servers_of, trusting

Tell = Callable[[str, int, int], None]
"""Hears how far the work is: what, how much of it, of how much in all (bytes, rows or messages)."""


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A database server with a role that may create databases, and a bus with the operator's account."""

    admin_url: str
    bus_url: str
    passwords: Mapping[str, str]
    """Of each service's role."""
    rules: Path
    ca: Path | None = None
    replicas: int = 1

    @asynccontextmanager
    async def admin(self, database: str | None = None) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection as the administrator: to the given database, or to the server's own."""
        url = self.admin_url if database is None else database_url(self.admin_url, database=database)
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Client]:
        """A connection with the operator's account."""
        tls = {} if self.ca is None else {"tls": trusting(self.ca)}
        client = await nats.connect(servers_of(self.bus_url), max_reconnect_attempts=3, **tls)
        try:
            yield client
        finally:
            await client.close()

    def service_urls(self) -> dict[str, str]:
        """Where each service finds the system's database."""
        return {
            name: database_url(self.admin_url, user=name, password=password)
            for name, password in self.passwords.items()
        }
