"""The real bus and database of one measurement, and the four services as four processes on them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import nats
import psutil
from nats.aio.client import Client

from services.embedded import BusUser, DataFolder, EmbeddedServers
from services.provisioning import DATABASE, migrate_all, provision_bus, provision_database
from services.system import bus_users, operator_token
from shared import topology
from shared.settings import RULES

MOTCUA = Path(sys.executable).parent / "motcua"


@dataclass
class Pipeline:
    """Four running services: how to say something, how to know that all of it was digested, what they weigh."""

    servers: EmbeddedServers
    bus: Client
    http: httpx.AsyncClient
    processes: dict[str, subprocess.Popen[str]]
    urls: dict[str, str]
    peak: dict[str, float] = field(default_factory=dict)

    async def waiting(self) -> int:
        """Work not done yet, over all four services."""
        answers = await asyncio.gather(*(self.http.get(f"{url}/v1/backlog") for url in self.urls.values()))
        return sum(sum(answer.raise_for_status().json().values()) for answer in answers)

    async def digested(self) -> float:
        """Wait until nothing waits anywhere, three looks in a row: an event may be between two services at one look.

        Returns when the first of the three was taken (`perf_counter`). Looks cost the services work: they are few.
        """
        calm, since = 0, 0.0
        while calm < 3:
            now = time.perf_counter()
            busy = await self.waiting()
            calm, since = (0, 0.0) if busy else (calm + 1, since or now)
            await asyncio.sleep(0.2)
        return since

    def weigh(self) -> dict[str, float]:
        """Peak resident memory of each service so far, in MB."""
        for name, process in self.processes.items():
            self.peak[name] = max(self.peak.get(name, 0.0), peak_mb(process.pid))
        return self.peak


def peak_mb(process: int) -> float:
    """Peak resident memory of a process since its start; where only the present size is known, that. 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status")
        if not status.exists():
            return float(psutil.Process(process).memory_info().rss / 2**20)
        sizes = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(next(sizes, 0)) / 1024
    except (OSError, psutil.Error):
        return 0.0


@contextlib.asynccontextmanager
async def bare_servers(*more: BusUser) -> AsyncIterator[EmbeddedServers]:
    """NATS with fsync on every message and PostgreSQL with fsync and `synchronous_commit`, on a folder that goes away."""
    with passable_folder() as place:
        folder = DataFolder(place / "data")
        folder.create()
        async with EmbeddedServers(folder, [*bus_users(folder, topology.PILOTS), *more]) as servers:
            yield servers


@contextlib.contextmanager
def passable_folder() -> Iterator[Path]:
    """Others may pass through it: root's PostgreSQL runs as another account, and would else live elsewhere and stay."""
    with tempfile.TemporaryDirectory(prefix="motcua-bench-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        yield Path(place)


@contextlib.asynccontextmanager
async def pipeline(services: Sequence[str] = topology.SERVICES) -> AsyncIterator[Pipeline]:
    """All four services, or some, each `motcua serve NAME` in a process of its own, provisioned and ready."""
    async with bare_servers() as servers:
        folder = servers.folder
        secrets = {name: folder.secret(f"postgres-{name}") for name in topology.SERVICES}
        await provision_database(servers.postgres_dsn(), secrets)
        databases = {name: servers.postgres_dsn(name, DATABASE) for name in topology.SERVICES}
        await migrate_all(databases)
        await provision_bus(servers.nats.url_of(topology.OPERATOR), RULES)
        token, _ = operator_token(folder)
        common = {"MOTCUA_TOKENS": str(folder.path / "secrets" / "tokens.json"), "MOTCUA_OUT": str(folder.path / "out")}
        with contextlib.ExitStack() as stack:
            processes, urls = dict[str, subprocess.Popen[str]](), dict[str, str]()
            for name in services:
                own = {"MOTCUA_NATS_URL": servers.nats.url_of(name), "MOTCUA_DATABASE_URL": databases[name]}
                arguments = [str(MOTCUA), "serve", name]
                processes[name] = stack.enter_context(_child(arguments, common | own | {"MOTCUA_PORT": "0"}))
            for name, process in processes.items():
                urls[name] = await asyncio.to_thread(_ready, name, process)
            bus = await nats.connect(servers.nats.url_of(topology.OPERATOR))
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
                yield Pipeline(servers, bus, http, processes, urls)
            await bus.close()


@contextlib.contextmanager
def _child(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    quiet = {"MOTCUA_LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(arguments, env=os.environ | quiet | environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def _ready(name: str, process: subprocess.Popen[str]) -> str:
    """Wait for the line `ready …` and give its last word; what comes after it is read away, so that no pipe fills up."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return line.split()[-1]
    raise RuntimeError(f"{name} did not start; its reason is above")


@contextlib.contextmanager
def children(modules: dict[str, tuple[list[str], dict[str, str]]]) -> Iterator[None]:
    """Other processes that print `ready …` when they are; ended with the block."""
    with contextlib.ExitStack() as stack:
        started = {name: stack.enter_context(_child(*how)) for name, how in modules.items()}
        for name, process in started.items():
            _ready(name, process)
        yield
