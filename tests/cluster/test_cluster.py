"""Three real servers of the bus, two of each service on them: the leader is killed under load, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from prometheus_client import CollectorRegistry

from services.deployment import CLUSTER, Secrets
from services.embedded import DataFolder
from services.embedded.nats import _binary
from services.embedded.postgres import EmbeddedPostgres
from services.provisioning import DATABASE, migrate_all, provision_bus, provision_database
from services.system import BUILDERS, asyncapi, operator_token
from shared import topology
from shared.bus import servers_of, trusting
from shared.http import HttpServer, make_app
from shared.runtime import Environment, Service
from shared.runtime import running as serving
from shared.settings import RULES, ServiceSettings
from tests.inside import UNIT, new_folder, record, until

HOUSE = Path(__file__).parent.parent.parent
SOME, AT_ONCE = 100, 20
pytestmark = pytest.mark.timeout(240)


class Cluster:
    """Three servers with the file of deploy/cluster; only folders, ports and host names are this machine's."""

    def __init__(self, folder: Path, secrets: Secrets) -> None:
        self._folder, self._secrets = folder, secrets
        ports = iter(_free_ports(9))
        self.ports = {name: {"4222": next(ports), "6222": next(ports), "8222": next(ports)} for name in CLUSTER}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, account: str) -> str:
        login = f"{account}:{self._secrets.password(f'nats-{account}')}"
        return ",".join(f"tls://{login}@127.0.0.1:{self.ports[name]['4222']}" for name in CLUSTER)

    def start(self, name: str) -> None:
        place = self._folder / name
        place.mkdir(exist_ok=True)
        text = (HOUSE / "deploy" / "cluster" / "nats.conf").read_text("utf-8")
        for port, ours in self.ports[name].items():
            text = text.replace(f": {port}\n", f": 127.0.0.1:{ours}\n" if port == "8222" else f": {ours}\n")
        text = text.replace("port:", "host: 127.0.0.1\nport:").replace("/data", str(place / "store"))
        (place / "nats.conf").write_text(text.replace("/run/secrets", str(self._secrets.folder)), "utf-8")
        routes = (self._secrets.folder / "nats-routes.conf").read_text("utf-8")
        for other in CLUSTER:
            routes = routes.replace(f"@{other}:6222", f"@127.0.0.1:{self.ports[other]['6222']}")
        (place / "routes.conf").write_text(routes, "utf-8")
        (place / "users.conf").write_text((self._secrets.folder / "nats-users.conf").read_text("utf-8"), "utf-8")
        with (place / "log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(_binary()), "--config", str(place / "nats.conf")],
                env={**os.environ, "MOTCUA_SERVER_NAME": name}, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        os.kill(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(10)

    async def ready(self) -> None:
        """Every server lives, has its streams, and is up to date with the others."""

        async def healthy() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient() as http:
                    urls = [f"http://127.0.0.1:{one['8222']}/healthz" for one in self.ports.values()]
                    return all([(await http.get(url)).status_code == 200 for url in urls])
            return False

        await until(healthy, "three healthy servers", 60)

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait(10)


@contextlib.asynccontextmanager
async def a_cluster(folder: Path, secrets: Secrets) -> AsyncIterator[Cluster]:
    cluster = Cluster(folder, secrets)
    try:
        for name in CLUSTER:
            cluster.start(name)
        await cluster.ready()
        yield cluster
    finally:
        cluster.end()


class Place:
    """What the test reaches: the cluster, the door of the first copies, the database of each service."""

    def __init__(self, cluster: Cluster, services: list[Service], door: str, token: str, urls: dict[str, str]) -> None:
        self.cluster, self.services, self.urls = cluster, services, urls
        self.http = httpx.AsyncClient(base_url=door, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    async def digested(self) -> None:
        async def quiet() -> bool:
            try:
                waiting = [count for one in self.services for count in (await one.waiting()).values()]
            except (TimeoutError, nats.errors.Error, nats.js.errors.Error):  # a reader's leader is being chosen
                return False
            return not any(waiting)

        await until(quiet, "everything digested", 90)
        await until(quiet, "everything digested, seen again", 30)


@contextlib.asynccontextmanager
async def a_place() -> AsyncIterator[Place]:
    with new_folder() as data:
        folder = DataFolder(data)
        folder.create()
        secrets = Secrets(data / "cluster")
        secrets.make(topology.PILOTS)
        ca = secrets.folder / "ca"
        postgres = EmbeddedPostgres(folder)
        await postgres.start()
        try:
            async with a_cluster(secrets.folder, secrets) as cluster:
                await provision_database(
                    postgres.dsn(), {name: folder.secret(f"postgres-{name}") for name in topology.SERVICES}
                )
                urls = {name: postgres.dsn(name, DATABASE) for name in topology.SERVICES}
                await migrate_all(urls)
                await provision_bus(cluster.url(topology.OPERATOR), RULES, replicas=len(CLUSTER), ca=ca)
                token, tokens = operator_token(folder)
                settings = ServiceSettings(out=data / "out", bus_ca=ca)
                copies = [
                    Environment(settings=settings, registry=CollectorRegistry(), tokens=tokens, on_fatal=pytest.fail)
                    for _ in range(2)
                ]
                services = [
                    BUILDERS[name](one.with_urls(nats_url=cluster.url(name), database_url=urls[name]))
                    for one in copies
                    for name in topology.SERVICES
                ]
                async with serving(services):
                    first = services[: len(topology.SERVICES)]
                    app = make_app(first, copies[0].registry, lambda: asyncapi(first), copies[0].tracing)
                    door = HttpServer(app, host="127.0.0.1", port=0)
                    await door.start()
                    place = Place(cluster, services, f"http://127.0.0.1:{door.port}", token, urls)
                    try:
                        yield place
                    finally:
                        await place.http.aclose()
                        await door.stop()
        finally:
            await postgres.stop()


@contextlib.asynccontextmanager
async def account(cluster: Cluster, name: str, ca: Path) -> AsyncIterator[Client]:
    client = await nats.connect(
        servers_of(cluster.url(name)), tls=trusting(ca), inbox_prefix=topology.inbox_of(name),
        reconnect_time_wait=0.1, max_reconnect_attempts=-1, error_cb=_silent,
    )  # fmt: skip
    try:
        yield client
    finally:
        await client.close()


async def _silent(_: Exception) -> None:
    """Servers die here; the client goes to another one."""


class Sender:
    """A careful sender: what is not acknowledged goes again under the same id."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js, self.taken = js, 0

    async def send(self, enough: asyncio.Event) -> int:
        """Hand in life after life, some at once, until it is enough; says how many."""
        numbers = itertools.count()

        async def one_after_another() -> int:
            sent = 0
            while not enough.is_set():
                for said in _life(next(numbers)):
                    await self._publish(said)
                sent += 1
            return sent

        return sum(await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE))))

    async def _publish(self, said: dict[str, Any]) -> None:
        kind = said["type"].split(".")[3]
        while True:
            try:
                await self._js.publish(
                    f"onestop.v1.{UNIT}.{kind}",
                    json.dumps(said).encode(),
                    timeout=2,
                    headers={"Nats-Msg-Id": said["id"]},
                )
            except (nats.errors.Error, nats.js.errors.Error, OSError):
                await asyncio.sleep(0.1)
            else:
                self.taken += 1
                return

    async def until_taken(self, count: int) -> None:
        async def taken() -> bool:
            return self.taken >= count

        await until(taken, f"{count} statements taken", 60)


def _life(number: int) -> list[dict[str, Any]]:
    dossier = f"H24.103-250801-{number:05}"
    promise = {"received_at": "2025-08-01T08:00:00", "due_at": "2025-08-06T17:00:00"}
    return [
        record("received", dossier, "2025-08-01T08:00:00", field="Hộ tịch", channel="online", **promise),
        record("completed", dossier, "2025-08-05T10:00:00"),
    ]


async def _leader(js: JetStreamContext, stream: str) -> str:
    async def led() -> str | None:
        with contextlib.suppress(nats.errors.Error, nats.js.errors.Error):
            found = (await js.stream_info(stream)).cluster
            return found.leader if found else None
        return None

    return str(await until(led, f"a leader of {stream}", 30))


async def test_a_killed_leader_of_either_stream_loses_and_doubles_nothing() -> None:
    async with a_place() as place:
        ca = Path(place.services[0].bus._environment.settings.bus_ca)  # type: ignore[arg-type]
        async with (
            account(place.cluster, f"centre-{UNIT}", ca) as centre,
            account(place.cluster, topology.OPERATOR, ca) as operator,
        ):
            js = operator.jetstream()
            for stream in (*topology.STREAMS, f"OBJ_{topology.REPORTS}"):
                assert (await js.stream_info(stream)).config.num_replicas == 3, stream
            # what a reader had in hand when its leader died comes back after this: seconds here, a minute elsewhere
            for one in topology.DURABLES:
                config = (await js.consumer_info(one.stream, one.name)).config
                await js.add_consumer(one.stream, config.evolve(ack_wait=6))
            sender = Sender(centre.jetstream())
            enough = asyncio.Event()
            sending = asyncio.create_task(sender.send(enough))
            for stream in (topology.ONESTOP, topology.DOSSIER):
                await sender.until_taken(sender.taken + SOME)
                victim = await _leader(js, stream)
                place.cluster.kill(victim)
                assert await _leader_other_than(js, stream, victim)
                await sender.until_taken(sender.taken + SOME)  # two of three go on
                place.cluster.start(victim)
                await place.cluster.ready()
            enough.set()
            dossiers = await sending
            await place.digested()

            journal = await asyncpg.connect(place.urls["dossier"])
            kept = await journal.fetchrow("SELECT count(*), count(DISTINCT (source, id)) FROM dossier.journal")
            await journal.close()
            assert tuple(kept) == (2 * dossiers, 2 * dossiers)
            answer = await place.http.get("/v1/reports/figures", params={"unit": UNIT, "period": "2025-Q3"})
            total = answer.json()[0]["total"]
            assert {name: total[name] for name in ("c3", "c4", "c7", "c8", "c11")} == {
                "c3": dossiers, "c4": dossiers, "c7": dossiers, "c8": dossiers, "c11": 0,
            }  # fmt: skip
            dead = (await js.stream_info(topology.DEAD)).state.messages
            assert dead == 0


async def _leader_other_than(js: JetStreamContext, stream: str, gone: str) -> str:
    async def another() -> str | None:
        found = await _leader(js, stream)
        return found if found != gone else None

    return str(await until(another, f"another leader of {stream} than {gone}", 40))


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
