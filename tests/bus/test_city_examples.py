"""The city's sample subscribers, run as they are with the city's own account: killed, restarted, lied to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared import topology
from tests.bus.reports import PERIOD, bucket, close, publications, restate, said, two_dossiers
from tests.e2e.running import MOTCUA
from tests.inside import UNIT, Inside, inside, new_folder, until

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(300)]
EXAMPLES = Path(__file__).parents[2] / "docs" / "integrate" / "examples"
OTHER = "10510"
Command = Callable[[Inside, Path, Path], Sequence[object]]


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, "2025-12-15") as one:
            # what a killed subscriber had in hand comes back after two seconds, not after a minute
            quick = replace_ack_wait(2.0)
            await one.bus.jetstream().add_consumer(topology.REPORT, quick)
            yield one


def replace_ack_wait(seconds: float) -> Any:
    return topology.consumer_configuration(topology.CITY_DURABLE).evolve(ack_wait=seconds)


@pytest.fixture(scope="module")
def javascript_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript subscriber with its packages, outside the repository."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(
            "node and npm are not installed (apt-get install nodejs npm): the JavaScript subscriber is not tried"
        )
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"node {version.strip()} is older than 20: the JavaScript subscriber is not tried")
    folder = tmp_path_factory.mktemp("city-javascript") / "example"
    shutil.copytree(EXAMPLES / "city-javascript", folder)
    for _ in range(3):
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=120
        )
        if done.returncode == 0:
            return folder
    pytest.skip(f"npm cannot get the packages of the JavaScript subscriber: {done.stderr[-300:]}")


def python(running: Inside, key: Path, out: Path) -> Sequence[object]:
    url = running.system.servers.nats.url_of(topology.CITY)
    return sys.executable, EXAMPLES / "city-python" / "subscribe.py", url, key, out


def javascript(folder: Path) -> Command:
    def command(running: Inside, key: Path, out: Path) -> Sequence[object]:
        url = running.system.servers.nats.url_of(topology.CITY)
        return "node", folder / "subscribe.mjs", url, key, out

    return command


@pytest.fixture(params=["python", "javascript"])
def command(request: pytest.FixtureRequest) -> Command:
    return python if request.param == "python" else javascript(request.getfixturevalue("javascript_folder"))


@dataclass
class Subscriber:
    """A running subscriber and the lines that it has said."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def hears(self, beginning: str, times: int = 1) -> None:
        async def heard() -> bool:
            assert self.process.returncode is None, "\n".join(self.lines)
            return sum(line.startswith(beginning) for line in self.lines) >= times

        await until(heard, f"the subscriber to say {beginning!r} {times} times", 60)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@contextlib.asynccontextmanager
async def subscriber(command: Sequence[object]) -> AsyncIterator[Subscriber]:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "RETRY_SECONDS": "1"},
    )  # fmt: skip
    one = Subscriber(process)

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            one.lines.append(line.decode().rstrip())

    reading = asyncio.create_task(read())
    try:
        yield one
    finally:
        await one.kill()
        await reading


async def public_key(running: Inside, place: Path) -> Path:
    [key] = (await running.http.get("/v1/reports/keys")).json()
    path = place / "report-key.pem"
    path.write_text(key["public_pem"])
    return path


async def nothing_waits_for_the_city(running: Inside) -> None:
    async def read() -> bool:
        info = await running.bus.jetstream().consumer_info(topology.REPORT, topology.CITY)
        return not (info.num_pending or info.num_ack_pending)

    await until(read, "the city to have read everything", 60)


def taken(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


async def expected(running: Inside) -> dict[str, bytes]:
    """What lies in the bucket, with the signed document under the name that the subscribers give it."""
    return {
        f"{name.rpartition('/')[0]}/report.json" if name.endswith(".json") else name: content
        for name, content in (await bucket(running)).items()
    }


async def test_killed_in_between_it_loses_nothing_and_acknowledges_once(
    running: Inside, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await two_dossiers(running)
    await two_dossiers(running, OTHER)
    await close(running)
    run = command(running, await public_key(running, tmp_path), out)
    # with a report in hand, after one, with one again; each time there is a new one to take
    phases = ((UNIT, "2025-Q3", "taking"), (OTHER, PERIOD, "acknowledged"), (OTHER, "2025-Q3", "taking"))
    for unit, period, killed_when in phases:
        await close(running, unit, period)
        await running.settled()
        async with subscriber(run) as one:
            await one.hears(killed_when)
            await one.kill()
    async with subscriber(run) as one:
        # what was in hand at a kill comes again after `ack_wait`; once superseded, its acknowledgement would be refused
        await nothing_waits_for_the_city(running)
        await running.settled()
        second = await restate(running)
        await one.hears(f"acknowledged {UNIT} II.06a/2025-Q4 v{second['version']}")
        await nothing_waits_for_the_city(running)
        await running.settled()
        await nothing_waits_for_the_city(running)
        assert not [line for line in one.lines if "efused" in line.lower() or line.startswith("later")], one.lines
    assert taken(out) == await expected(running)
    assert len(taken(out)) == 5 * 5
    for unit, versions in ((UNIT, 3), (OTHER, 2)):
        assert len(await said(running, "acknowledgement_accepted", unit=unit)) == versions
        assert await said(running, "acknowledgement_refused", unit=unit) == []
        assert all(one["acknowledged_at"] for one in await publications(running, unit))
    for path in out.rglob("report.json"):
        checked = subprocess.run(
            [MOTCUA, "report", "verify", path, "--key", tmp_path / "report-key.pem"], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_a_forged_report_is_kept_apart_and_a_changed_file_waits_to_be_mended(
    running: Inside, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await two_dossiers(running)
    await close(running)
    await running.settled()
    [genuine] = await said(running, "published")
    forged = json.loads(json.dumps(genuine))
    forged["data"]["total"]["c13"] = forged["data"]["rows"][0]["c13"] = 0
    garbage = (b"{", b"7", b"\xff", b'{"data":[]}')
    await running.publish(f"report.v1.{OTHER}.acknowledged", *garbage)
    await running.publish(f"report.v1.{OTHER}.published", *garbage, json.dumps(forged).encode())
    store = await running.bus.jetstream().object_store(topology.REPORTS)
    name = next(one["object"] for one in genuine["data"]["files"] if one["object"].endswith(".pdf"))
    content = bytes((await store.get(name)).data or b"")
    await store.put(name, content[:-1] + bytes([content[-1] ^ 1]))

    run = command(running, await public_key(running, tmp_path), out)
    async with subscriber(run) as one:
        await one.hears("REFUSED", times=5)
        await one.hears("later", times=2)
        assert not [line for line in one.lines if line.startswith("acknowledged")]
        assert not list(out.rglob("report.json"))
        assert [found["acknowledged_at"] for found in await publications(running)] == [None]
        await store.delete(name)
        await one.hears("later", times=3)
        async with running.database("reporting") as database:  # the operator has the files stored again
            await database.execute("UPDATE publication SET stored_at = NULL")
        await one.hears("acknowledged")
        await running.settled()
    refused = [path.read_bytes() for path in (out / "refused").iterdir()]
    assert sorted(refused) == sorted([*garbage, json.dumps(forged).encode()])
    shutil.rmtree(out / "refused")
    assert taken(out) == await expected(running)


async def test_with_the_wrong_key_nothing_is_believed_and_with_the_right_one_nothing_is_lost(
    running: Inside, command: Command, tmp_path: Path
) -> None:
    from services.reporting.signing import SigningKey, make_key

    out = tmp_path / "out"
    await two_dossiers(running)
    await close(running)
    await running.settled()
    make_key(tmp_path / "other.pem")
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(SigningKey.load(tmp_path / "other.pem").public_pem)
    async with subscriber(command(running, wrong, out)) as one:
        await one.hears("REFUSED")
        await nothing_waits_for_the_city(running)
    assert not list(out.rglob("report.json"))
    async with subscriber(command(running, await public_key(running, tmp_path), out)) as one:
        await one.hears("acknowledged")
        await one.hears("listening")
    await running.settled()
    assert list((out / "refused").iterdir()) == []
    (out / "refused").rmdir()
    assert taken(out) == await expected(running)
    assert len(await said(running, "acknowledgement_accepted")) == 1
