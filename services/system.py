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

import structlog
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry

from services.board_views import provision_boards
from services.dossier.service import build as build_dossier
from services.embedded import BusUser, DataFolder, EmbeddedServers
from services.inspection.service import build as build_inspection
from services.notification.service import build as build_notification
from services.provisioning import DATABASE, migrate_all, provision_bus, provision_database
from services.reporting.service import build as build_reporting
from services.reporting.signing import make_key
from shared import topology
from shared.clock import Clock, SystemClock
from shared.http import HttpServer, make_app
from shared.parties import OPERATOR_PARTY, Tokens
from shared.runtime import Environment, Service, running
from shared.settings import RULES, ServiceSettings
from shared.tracing import tracing_of

log = structlog.get_logger()

BUILDERS = {
    "dossier": build_dossier,
    "inspection": build_inspection,
    "reporting": build_reporting,
    "notification": build_notification,
}


def bus_users(folder: DataFolder, centres: Sequence[str]) -> list[BusUser]:
    """The accounts of the topology, one for each centre among them, with the passwords of this installation."""
    return [
        BusUser(name=one.name, password=folder.secret(f"nats-{one.name}"), publish=one.publish, subscribe=one.subscribe)
        for one in topology.accounts(centres)
    ]


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
    centres: Sequence[str] = topology.PILOTS,
) -> AsyncIterator[System]:
    """Start everything on a data folder; ready when it is handed over, cleanly stopped when the block ends."""
    folder = DataFolder(data)
    folder.create()
    async with EmbeddedServers(folder, bus_users(folder, centres)) as servers:
        await provision_database(
            servers.postgres_dsn(), {name: folder.secret(f"postgres-{name}") for name in topology.SERVICES}
        )
        urls = {name: servers.postgres_dsn(name, DATABASE) for name in topology.SERVICES}
        await migrate_all(urls)
        await provision_boards(servers.postgres_dsn(), folder.secret("postgres-board"), rules)
        await provision_bus(servers.nats.url_of(topology.OPERATOR), rules)
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
    make_key(key := folder.secrets / "report-signing-key.pem")
    settings = ServiceSettings(
        **{
            "rules": rules,
            "out": folder.path / "out",
            "signing_key": key,
            "board_database_url": servers.postgres_dsn("board", DATABASE),
            **overrides,
        }
    )
    environment = Environment(
        settings=settings,
        clock=clock,
        registry=CollectorRegistry(),
        tokens=tokens,
        on_fatal=lambda reason: None if fatal.done() else fatal.set_result(reason),
        tracing=tracing_of(settings, "motcua"),
    )
    services = [
        BUILDERS[name](environment.with_urls(nats_url=servers.nats.url_of(name), database_url=urls[name]))
        for name in topology.SERVICES
    ]
    async with running(services):
        door = HttpServer(
            make_app(services, environment.registry, lambda: asyncapi(services), environment.tracing),
            host="127.0.0.1",
            port=port,
        )
        await door.start()
        url = f"http://127.0.0.1:{door.port}"
        folder.write_runtime(
            {"url": url, "token": token, "nats_url": servers.nats.url_of(topology.OPERATOR), "databases": urls}
        )
        try:
            yield System(url=url, token=token, servers=servers, services=services, environment=environment, fatal=fatal)
        finally:
            await door.stop()


def asyncapi(services: Sequence[Service]) -> dict[str, Any]:
    """What these services read from the bus, one AsyncAPI document."""
    document = AsyncAPI(*[service.bus.broker for service in services], title="Một Cửa", version="1")
    specification: dict[str, Any] = document.to_specification().to_jsonable()
    return specification


def operator_token(folder: DataFolder) -> tuple[str, Tokens]:
    """The operator's HTTP token of this installation, and the tokens file that holds its hash."""
    token = folder.secret("http-operator")
    path = folder.path / "secrets" / "tokens.json"
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    # one at a time: a token that was renewed because somebody saw it must not open the door any longer
    known = {digest: party for digest, party in known.items() if party["name"] != OPERATOR_PARTY["name"]}
    known[hashlib.sha256(token.encode()).hexdigest()] = OPERATOR_PARTY
    path.write_text(json.dumps(known, indent=1), "utf-8")
    path.chmod(0o600)
    return token, Tokens.load(path)
