"""The real NATS and the real PostgreSQL as children of `motcua up`, on one data folder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from services.embedded.folder import DataFolder, DataFolderInUse, DataFolderUnusable, EmbeddedError, NotRunning
from services.embedded.nats import BusUser, EmbeddedNats
from services.embedded.postgres import EmbeddedPostgres
from services.embedded.processes import Death, ServerDidNotStart
from services.embedded.residence import ClusterOutOfReach

__all__ = [
    "BusUser",
    "ClusterOutOfReach",
    "DataFolder",
    "DataFolderInUse",
    "DataFolderUnusable",
    "Death",
    "EmbeddedError",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "EmbeddedServers",
    "NotRunning",
    "ServerDidNotStart",
]


class EmbeddedServers:
    """Both servers for the length of an `async with`; enter it from the main thread, whose end ends them."""

    def __init__(
        self,
        folder: DataFolder | Path,
        users: Sequence[BusUser],
        *,
        nats_port: int | None = None,
        postgres_port: int | None = None,
    ) -> None:
        self.folder = folder if isinstance(folder, DataFolder) else DataFolder(folder)
        self.nats = EmbeddedNats(self.folder, users, port=nats_port)
        self.postgres = EmbeddedPostgres(self.folder, port=postgres_port)
        self._stack = AsyncExitStack()

    @property
    def nats_url(self) -> str:
        """Where clients connect, without a user; `nats.url_of(user)` has the password too."""
        return self.nats.url

    @property
    def nats_monitor_url(self) -> str:
        """Where NATS tells its own figures over HTTP."""
        return self.nats.monitor_url

    def postgres_dsn(self, user: str = "postgres", database: str = "postgres") -> str:
        """Where that role connects; its password is `folder.secret("postgres-<user>")`."""
        return self.postgres.dsn(user, database)

    async def died(self) -> Death:
        """Wait until a server ends although nobody stopped it."""
        while True:
            for child in (self.nats.child, self.postgres.child):
                if child is not None and (death := child.death()):
                    return death
            await asyncio.sleep(0.2)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except OSError as error:
            raise DataFolderUnusable(self.folder.path, error) from error
        return self

    async def _start(self) -> None:
        async with AsyncExitStack() as stack:
            self.folder.create()
            stack.enter_context(self.folder.lock())
            stack.callback(self.folder.remove_runtime)
            for server in (self.postgres, self.nats):
                stack.push_async_callback(server.stop)
                await server.start()
            self._stack = stack.pop_all()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
