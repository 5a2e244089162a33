"""The disk of the database is full, on a real small disk: one line says so, nothing is given up, all goes on with room."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services import system
from services.provisioning import DATABASE, database_url, provision_database
from shared import topology
from tests.inside import Inside, Lines, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
COUNT = 400
"""Records of one batch; their rows need more pages than any table has left."""


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk of 64 megabytes."""
    with new_folder() as data:
        folder = Path(data).parent / "disk"
        folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True)
        if mounted.returncode:
            pytest.skip(f"no small disk can be mounted here, so a full one is not tried: {mounted.stderr.decode()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


@pytest_asyncio.fixture(loop_scope="module")
async def running(disk: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    """A system whose tables lie on the small disk; the log of the database does not: full, it would end the server."""

    async def on_the_disk(admin_url: str, passwords: Mapping[str, str]) -> None:
        await provision_database(admin_url, passwords)
        root = await asyncpg.connect(admin_url)
        owner = os.stat(await root.fetchval("SHOW data_directory"))
        os.chown(disk, owner.st_uid, owner.st_gid)
        await root.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        await root.execute(f"ALTER DATABASE {DATABASE} SET TABLESPACE small")
        await root.close()

    monkeypatch.setattr(system, "provision_database", on_the_disk)
    monkeypatch.setenv("MOTCUA_RECEIPT_SECONDS", "2")
    with new_folder() as data:
        async with inside(data, "2025-11-06") as one:
            await one.settled()
            yield one


async def fill(root: asyncpg.Connection[Any]) -> None:
    """Take every page that is left."""
    await root.execute("CREATE TABLE filler (page text STORAGE PLAIN)")
    for rows in (500, 50, 5, 1):
        with contextlib.suppress(asyncpg.DiskFullError):
            while True:
                await root.execute("INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, $1)", rows)


async def pause(running: Inside, service: str, seconds: int) -> None:
    """Let the durables of a service wait; 0 lets them go on."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    for one in topology.durables_of([service]):
        await running.bus.jetstream().pause_consumer(one.stream, one.name, end.isoformat())


def batch(name: str) -> bytes:
    facts = {"received_at": "2025-11-03", "due_at": "2025-11-06T17:00:00", "field": "Hộ tịch", "channel": "online"}
    return json.dumps([record("received", f"{name}-{n}", "2025-11-03", **facts) for n in range(COUNT)]).encode()


async def test_each_service_says_that_the_disk_is_full_gives_up_nothing_and_goes_on(running: Inside) -> None:
    others = ("inspection", "reporting", "notification")
    for name in others:
        await pause(running, name, 600)
    assert (await running.http.post("/v1/records", content=batch("A"))).json()["accepted"] == COUNT
    running.clock.advance(at("2025-11-07"))  # overdue: that is what notification hears of
    await until(lambda: _left(running), "the events to leave")
    root = await asyncpg.connect(database_url(running.system.servers.postgres_dsn()))
    with Lines() as lines:
        await fill(root)
        for name in others:
            await pause(running, name, 0)
        answer = await running.http.post("/v1/records", content=batch("B"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        await until(lambda: _not_ready(running), "every service to say that it is not ready")
        await until(lambda: _attempt(lines, 3), "a third attempt")
        await until(lambda: _all_told(lines), "every service to write so")
        await root.execute("DROP TABLE filler")
        await running.settled(90)
        assert (await running.http.get("/readyz")).status_code == 200
    await root.close()
    waited = [one for one in lines.of("batch_waits") if "the disk of PostgreSQL is full" in one["reason"]]
    assert {one["consumer"] for one in waited} == set(topology.SERVICES)
    assert sorted(one["service"] for one in lines.of("not_ready")) == sorted(topology.SERVICES)
    assert all(one["again_in"] == 0.5 * 2 ** (one["attempt"] - 1) for one in waited)
    assert not [one for one in lines.all if one["traced"]], lines.all
    assert await running.letters("dossier") == await running.letters("reporting") == []
    again = await running.http.post("/v1/records", content=batch("B"))
    assert again.json()["duplicate"] == COUNT
    await running.settled()
    assert (await running.figures("2025-11-01", "2025-11-30"))["total"]["c3"] == 2 * COUNT


async def _left(running: Inside) -> bool:
    backlog = (await running.http.get("/v1/backlog")).json()
    return not backlog["dossier.outbox"] and not backlog["dossier.unjudged"]


async def _not_ready(running: Inside) -> bool:
    problems = (await running.http.get("/readyz")).json()["problems"]
    full = {name for name, said in problems.items() if any("the disk of PostgreSQL is full" in one for one in said)}
    return full == set(topology.SERVICES)


async def _all_told(lines: Lines) -> bool:
    return {one["service"] for one in lines.of("not_ready")} == set(topology.SERVICES)


async def _attempt(lines: Lines, number: int) -> bool:
    return bool(lines.of("batch_waits", attempt=number, stream=topology.ONESTOP))
