"""PostgreSQL as every service uses it: one pool, one transaction a batch, migrations before the first message."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import stamina
import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, pool
from sqlalchemy.ext.asyncio import create_async_engine

from shared.trouble import trouble
from shared.version import VERSION

log = structlog.get_logger()

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Session = asyncpg.pool.PoolConnectionProxy
"""What a repository is handed: a connection inside a transaction that only the edge commits."""

TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    ConnectionError,
    TimeoutError,
    OSError,
)


def is_transient(error: Exception) -> bool:
    """True when the database is away, full or was interrupted: no item of the batch is to blame."""
    return isinstance(error, TRANSIENT)


class OtherVersion(ValueError):
    """The tables are not of this version; the message says which is older, and what to do."""


class Database:
    """The pool of one service, confined to its own schema by role and search path."""

    def __init__(self, url: str, schema: str, *, size: int = 6) -> None:
        self._url, self._schema, self._size = url, schema, size
        self._pool: asyncpg.Pool[Any] | None = None
        self._full: asyncpg.DiskFullError | None = None

    async def start(self) -> None:
        """Open the pool; waits for a database that is still starting, gives up after half a minute."""
        self._pool = await _open_pool(self._url, self._schema, self._size)

    async def stop(self) -> None:
        """Close the pool; running transactions end first."""
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session[Any]]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        if self._pool is None:
            raise ConnectionError(f"the database of {self._schema} is not open")
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection
        except asyncpg.DiskFullError as error:
            self._full = error
            raise

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Session[Any]]:
        """One reading: all its queries see the same state of the database, whatever is committed meanwhile.

        In a plain transaction a count and a share of one answer may come from before and after another's commit.
        """
        if self._pool is None:
            raise ConnectionError(f"the database of {self._schema} is not open")
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def answers(self) -> str | None:
        """What is wrong with the database, or `None` when it answers within two seconds and has room.

        Room is asked for only after a transaction had none: a full server goes on answering what only reads.
        """
        try:
            async with asyncio.timeout(2), self.transaction() as session:
                await session.fetchval("SELECT 1")
                if self._full is not None:
                    await _try_to_write(session)
                    self._full = None
        except asyncpg.DiskFullError as error:
            return trouble(error)
        except Exception as error:
            return f"PostgreSQL does not answer: {error or type(error).__name__}"
        return None


async def _try_to_write(session: Session[Any]) -> None:
    """Ask the disk for half a megabyte and leave nothing behind; raises `DiskFullError`."""
    with contextlib.suppress(_Enough):
        async with session.transaction():
            await session.execute("CREATE TABLE room AS SELECT repeat('x', 1000) FROM generate_series(1, 500)")
            raise _Enough


class _Enough(Exception):
    """Takes the attempt to write back."""


# no decorator: it would write the arguments, and with them the password, into the log of every attempt
def _patiently() -> AsyncIterator[stamina.Attempt]:
    """Attempts for half a minute at a database that is still starting."""
    return stamina.retry_context(on=(OSError, asyncpg.CannotConnectNowError), attempts=None, timeout=30).__aiter__()


async def _open_pool(url: str, schema: str, size: int) -> asyncpg.Pool[Any]:
    async for attempt in _patiently():
        with attempt:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                command_timeout=60,
                server_settings={
                    "search_path": schema,
                    "application_name": f"motcua-{schema}",
                    "timezone": "Asia/Ho_Chi_Minh",
                    "jit": "off",
                },
            )
    raise AssertionError("the last attempt raises")


def alembic_config(service: str, url: str) -> Config:
    """Alembic's configuration of one service; `env.py` reads the service and the url from its attributes."""
    package = Path(str(import_module(f"services.{service}").__file__)).parent
    config = Config()
    config.set_main_option("script_location", str(package / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(service=service, url=url)
    return config


def known_revisions(service: str) -> list[str]:
    """The migrations that this code knows, oldest first."""
    script = ScriptDirectory.from_config(alembic_config(service, ""))
    return [one.revision for one in script.walk_revisions()][::-1]


async def _connect(url: str) -> asyncpg.Connection[Any]:
    async for attempt in _patiently():
        with attempt:
            return await asyncpg.connect(url)
    raise AssertionError("the last attempt raises")


async def refuse_newer(service: str, url: str) -> str | None:
    """The version of a service's tables, `None` before the first; raises `OtherVersion` when a newer motcua made them."""
    connection = await _connect(url)
    try:
        if not await connection.fetchval("SELECT to_regclass($1)", f"{service}.alembic_version"):
            return None
        found: str | None = await connection.fetchval(f"SELECT version_num FROM {service}.alembic_version")
    finally:
        await connection.close()
    known = known_revisions(service)
    if found is not None and found not in known:
        raise OtherVersion(
            f"the tables of {service} are at version {found}, this motcua {VERSION} knows them up to {known[-1]}: "
            "a newer motcua made them; start that one, or restore a backup of this version"
        )
    return found


async def refuse_other(service: str, url: str) -> None:
    """Raise `OtherVersion` unless the tables of a service are those that this code was written for."""
    found, newest = await refuse_newer(service, url), known_revisions(service)[-1]
    if found != newest:
        raise OtherVersion(
            f"the tables of {service} are at version {found or 'nothing'}, this motcua {VERSION} needs {newest}; "
            "run motcua provision first"
        )


async def migrate(service: str, url: str) -> None:
    """Bring the schema of one service to its newest version; waits at most five seconds for a lock.

    Raises `OtherVersion` when a newer motcua was here before.
    """
    await refuse_newer(service, url)
    await asyncio.to_thread(command.upgrade, alembic_config(service, url), "head")
    log.info("schema_migrated", service=service)


def _drop_board_views(connection: Connection) -> None:
    """Drop the views that boards have on this service when a migration will run; a view forbids to change its table.

    Provisioning makes them anew right after the migrations (services/board_views.py).
    """
    from alembic import context

    try:
        wanted = context.get_revision_argument()
    except KeyError:  # only compared with the tables, nothing is changed
        return
    if wanted in context.get_context().get_current_heads():
        return
    names = "SELECT viewname FROM pg_views WHERE schemaname = 'board' AND viewowner = current_user"
    for name in connection.exec_driver_sql(names).scalars().all():
        connection.exec_driver_sql(f"DROP VIEW board.{name}")


def run_migrations(config: Config, metadata: MetaData) -> None:
    """Called by every `migrations/env.py`: run in one transaction on a connection of its own."""
    from alembic import context  # only inside a migration run does alembic's context exist

    service, url = config.attributes["service"], config.attributes["url"]

    def run(connection: Connection) -> None:
        # a role's own schema is its default one, reflected without a name: `alembic check` would find no table at all
        connection.dialect.default_schema_name = "public"
        context.configure(
            connection=connection,
            target_metadata=metadata,
            version_table_schema=service,
            include_schemas=True,
            include_name=lambda name, type_, _: type_ != "schema" or name == service,
            compare_type=True,
        )
        with context.begin_transaction():
            connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
            _drop_board_views(connection)
            context.run_migrations()

    async def main() -> None:
        # SQLAlchemy 2.1 reads `postgresql://` as psycopg 3, and hands on no sslmode: the driver reads the url itself
        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
        )
        async with engine.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
        await engine.dispose()

    asyncio.run(main())
