"""The whole system on one data folder: embedded servers, provisioning, four services, one HTTP port.

`motcua up`, `motcua demo` and the tests all start it here, so they run the same code.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import nats
import structlog
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry

from services.dossier.service import build as build_dossier
from services.embedded import BusUser, DataFolder, EmbeddedServers
from services.inspection.service import build as build_inspection
from services.notification.service import build as build_notification
from services.reporting.service import build as build_reporting
from shared import topology
from shared.clock import Clock, SystemClock
from shared.database import migrate
from shared.http import HttpServer, Tokens, make_app
from shared.runtime import Environment, Service, running
from shared.settings import RULES, ServiceSettings

log = structlog.get_logger()

BUILDERS = {
    "dossier": build_dossier,
    "inspection": build_inspection,
    "reporting": build_reporting,
    "notification": build_notification,
}
DATABASE = "motcua"
OPERATOR = "operator"
CENTRE = "centre"

_SAYS = {
    "dossier": ["dossier.v1.>", "onestop.v1.>"],
    "inspection": ["plan.v1.>", "inspection.v1.>"],
    "reporting": ["report.v1.>"],
    "notification": ["alert.v1.>"],
}


def bus_users(folder: DataFolder) -> list[BusUser]:
    """Accounts of the bus: each service may say only what it owns; the centre may only state."""
    users = [
        BusUser(
            name=service,
            password=folder.secret(f"nats-{service}"),
            publish=[*_SAYS[service], f"dead.v1.{service}", "$JS.API.>", "$JS.ACK.>", "_INBOX.>"],
            subscribe=["_INBOX.>"],
        )
        for service in topology.SERVICES
    ]
    users.append(BusUser(name=OPERATOR, password=folder.secret("nats-operator"), publish=[">"], subscribe=[">"]))
    centre = BusUser(
        name=CENTRE, password=folder.secret("nats-centre"), publish=["onestop.v1.>"], subscribe=["_INBOX.>"]
    )
    return [*users, centre]


@dataclass(frozen=True, kw_only=True)
class System:
    """A running system: where it answers and the token of its operator."""

    url: str
    token: str
    servers: EmbeddedServers
    services: Sequence[Service]
    environment: Environment
    fatal: asyncio.Future[str] = field(repr=False)

    async def ended(self) -> str:
        """Wait for what ends the system unasked: a dead server, a consumer that is gone; says it in words."""
        death: asyncio.Future[Any] = asyncio.ensure_future(self.servers.died())
        await asyncio.wait(list[asyncio.Future[Any]]([death, self.fatal]), return_when=asyncio.FIRST_COMPLETED)
        if self.fatal.done():
            death.cancel()
            return self.fatal.result()
        return str(death.result())


@contextlib.asynccontextmanager
async def start_system(
    data: Path,
    *,
    port: int = 0,
    clock: Clock | None = None,
    rules: Path = RULES,
    overrides: dict[str, Any] | None = None,
) -> AsyncIterator[System]:
    """Start everything on a data folder; ready when it is handed over, cleanly stopped when the block ends."""
    folder = DataFolder(data)
    folder.create()
    async with EmbeddedServers(folder, bus_users(folder)) as servers:
        urls = await provision(servers)
        await migrate_all(urls)
        operator = await nats.connect(servers.nats.url_of(OPERATOR), max_reconnect_attempts=3)
        await topology.ensure(operator.jetstream())
        await operator.close()
        async with _serve(folder, servers, urls, port, clock or SystemClock(), rules, overrides or {}) as system:
            yield system


@contextlib.asynccontextmanager
async def _serve(
    folder: DataFolder,
    servers: EmbeddedServers,
    urls: dict[str, str],
    port: int,
    clock: Clock,
    rules: Path,
    overrides: dict[str, Any],
) -> AsyncIterator[System]:
    token, tokens = operator_token(folder)
    fatal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = ServiceSettings(rules=rules, out=folder.path / "out", **overrides)
    environment = Environment(
        settings=settings,
        clock=clock,
        registry=CollectorRegistry(),
        tokens=tokens,
        on_fatal=lambda reason: None if fatal.done() else fatal.set_result(reason),
    )
    services = [
        BUILDERS[name](environment.with_urls(nats_url=servers.nats.url_of(name), database_url=urls[name]))
        for name in topology.SERVICES
    ]
    async with running(services):
        door = HttpServer(
            make_app(services, environment.registry, lambda: asyncapi(services)), host="127.0.0.1", port=port
        )
        await door.start()
        url = f"http://127.0.0.1:{door.port}"
        folder.write_runtime({"url": url, "token": token, "nats_url": servers.nats.url_of(OPERATOR), "databases": urls})
        try:
            yield System(url=url, token=token, servers=servers, services=services, environment=environment, fatal=fatal)
        finally:
            await door.stop()


def asyncapi(services: Sequence[Service]) -> dict[str, Any]:
    """What these services read from the bus, one AsyncAPI document."""
    document = AsyncAPI(*[service.bus.broker for service in services], title="Một Cửa", version="1")
    specification: dict[str, Any] = document.to_specification().to_jsonable()
    return specification


async def provision(servers: EmbeddedServers) -> dict[str, str]:
    """A database with one role and one schema a service; no role can read another's. Returns each service's url."""
    root = await asyncpg.connect(servers.postgres_dsn())
    try:
        if not await root.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await root.execute(f"CREATE DATABASE {DATABASE}")
        for name in topology.SERVICES:
            secret = servers.folder.secret(f"postgres-{name}")
            verb = "ALTER" if await root.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name) else "CREATE"
            await root.execute(f"{verb} ROLE {name} LOGIN PASSWORD '{secret}'")
    finally:
        await root.close()
    inside = await asyncpg.connect(servers.postgres_dsn(database=DATABASE))
    try:
        await inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await inside.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {DATABASE} FROM PUBLIC")
        for name in topology.SERVICES:
            await inside.execute(f"CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {name}")
            await inside.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {name}")
    finally:
        await inside.close()
    return {name: servers.postgres_dsn(name, DATABASE) for name in topology.SERVICES}


async def migrate_all(urls: dict[str, str]) -> None:
    """Bring every service's schema to its newest version."""
    for name in topology.SERVICES:
        await migrate(name, urls[name])


def operator_token(folder: DataFolder) -> tuple[str, Tokens]:
    """The operator's HTTP token of this installation, and the tokens file that holds its hash."""
    token = folder.secret("http-operator")
    path = folder.path / "secrets" / "tokens.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    digest = hashlib.sha256(token.encode()).hexdigest()
    known[digest] = {"name": "operator", "units": ["*"], "roles": ["operator", "import", "reporter"]}
    path.write_text(json.dumps(known, indent=1), "utf-8")
    path.chmod(0o600)
    return token, Tokens.load(path)
