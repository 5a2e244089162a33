"""`motcua serve` with something wrong outside: one line says what and what to do, no password is in it, and it does not spin."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass

import nats
import pytest
import pytest_asyncio

from services.embedded import DataFolder, EmbeddedServers
from services.provisioning import DATABASE, migrate_all, provision_bus, provision_database
from services.system import bus_users
from shared import topology
from shared.settings import RULES
from tests.e2e.running import MOTCUA
from tests.inside import new_folder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
NOBODY = "127.0.0.1:1"


@dataclass
class Parts:
    servers: EmbeddedServers
    passwords: tuple[str, str]

    @property
    def nats_url(self) -> str:
        return self.servers.nats.url_of("notification")

    @property
    def database_url(self) -> str:
        return self.servers.postgres_dsn("notification", DATABASE)

    @property
    def taken_port(self) -> str:
        return self.servers.nats_url.rpartition(":")[2]

    def serve(self, service: str = "notification", **changed: str) -> subprocess.Popen[str]:
        wanted = {
            "MOTCUA_NATS_URL": self.servers.nats.url_of(service),
            "MOTCUA_DATABASE_URL": self.servers.postgres_dsn(service, DATABASE),
            "MOTCUA_PORT": "0",
        }
        return subprocess.Popen(
            [MOTCUA, "serve", service], env={**os.environ, **wanted, **changed},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts() -> AsyncIterator[Parts]:
    with new_folder() as data:
        folder = DataFolder(data)
        async with EmbeddedServers(folder, bus_users(folder, topology.PILOTS)) as servers:
            await provision_database(
                servers.postgres_dsn(), {name: folder.secret(f"postgres-{name}") for name in topology.SERVICES}
            )
            await migrate_all({name: servers.postgres_dsn(name, DATABASE) for name in topology.SERVICES})
            await provision_bus(servers.nats.url_of(topology.OPERATOR), RULES)
            yield Parts(servers, (folder.secret("nats-notification"), folder.secret("postgres-notification")))


async def test_what_cannot_get_better_by_waiting_ends_at_once_with_one_line(parts: Parts) -> None:
    nats_password, password = parts.passwords
    tried = {
        "PostgreSQL refuses the login": parts.serve(MOTCUA_DATABASE_URL=parts.database_url.replace(password, "falsch")),
        "the bus refuses the login": parts.serve(MOTCUA_NATS_URL=parts.nats_url.replace(nats_password, "falsch")),
        f"cannot listen on 127.0.0.1:{parts.taken_port}": parts.serve(MOTCUA_PORT=parts.taken_port),
        "set MOTCUA_DATABASE_URL": _without("MOTCUA_DATABASE_URL", parts),
    }
    for said, process in tried.items():
        _, errors = process.communicate(timeout=60)
        last = errors.splitlines()[-1]
        assert process.returncode != 0
        assert last.startswith("motcua: notification cannot start: ") and said in last, errors
        assert errors.count("bus_unreachable") <= 1 and len(errors.splitlines()) <= 3, errors
        assert nats_password not in errors and password not in errors


def _without(name: str, parts: Parts) -> subprocess.Popen[str]:
    kept = {key: value for key, value in os.environ.items() if key != name}
    return subprocess.Popen(
        [MOTCUA, "serve", "notification"], env={**kept, "MOTCUA_NATS_URL": parts.nats_url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


async def test_a_server_that_is_away_is_waited_for_with_pauses_and_no_password_in_the_log(parts: Parts) -> None:
    place = parts.database_url.rpartition("@")[2].partition("/")[0]
    process = parts.serve(MOTCUA_DATABASE_URL=parts.database_url.replace(place, NOBODY))
    assert process.stderr is not None
    attempts, lines = list[float](), list[str]()
    for line in process.stderr:
        lines.append(line)
        if "retry_scheduled" in line:
            attempts.append(json.loads(line)["wait_for"])
        if len(attempts) == 4:
            break
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    assert process.returncode == 0, rest
    assert min(attempts) > 0.05 and sum(attempts) > 0.8, attempts
    assert not [line for line in lines if parts.passwords[1] in line]


async def test_each_service_says_once_that_nothing_is_provisioned_and_begins_when_it_is(parts: Parts) -> None:
    operator = await nats.connect(parts.servers.nats.url_of(topology.OPERATOR))
    for stream in topology.STREAMS:
        await operator.jetstream().delete_stream(stream)
    await operator.close()
    processes = {name: parts.serve(name) for name in topology.SERVICES}
    said = dict[str, dict[str, str]]()
    for name, process in processes.items():
        assert process.stderr is not None
        said[name] = json.loads(await asyncio.to_thread(process.stderr.readline))
    await provision_bus(parts.servers.nats.url_of(topology.OPERATOR), RULES)
    for name, process in processes.items():
        assert process.stdout is not None
        assert (await asyncio.to_thread(process.stdout.readline)).startswith(f"ready {name} ")
        process.send_signal(signal.SIGTERM)
    for name, process in processes.items():
        _, rest = process.communicate(timeout=30)
        assert process.returncode == 0, rest
        assert (said[name]["event"], said[name]["service"]) == ("not_provisioned", name)
        assert said[name]["do"] == "run motcua provision; waiting for it"
        lines = [json.loads(line) for line in rest.splitlines()]
        assert {"provisioned_now", "services_started"} <= {line["event"] for line in lines}
        assert {line["level"] for line in lines} == {"info"}, rest
    assert said["dossier"]["missing"] == "consumer dossier on stream ONESTOP"
    assert said["reporting"]["missing"] == (
        "consumer reporting on stream DOSSIER; consumer reporting-petition on stream DOSSIER; "
        "consumer reporting-acknowledged on stream REPORT"
    )
