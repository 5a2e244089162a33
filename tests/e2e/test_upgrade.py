"""A filled database of every released version comes back into this one with the same figures; a newer one is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import asyncpg
import pytest

from services.embedded import DataFolder, EmbeddedServers
from services.provisioning import DATABASE
from services.system import bus_users
from shared import topology
from tests.e2e.running import MOTCUA, Running

RELEASES = sorted(path for path in (Path(__file__).parents[1] / "golden").iterdir() if path.is_dir())
QUARTER = ("--unit", "10966", "--period", "2025-Q4")
COUNTED = {"c3": 10, "c4": 10, "c5": 0, "c6": 0, "c7": 10, "c8": 0, "c9": 9, "c10": 1, "c11": 0, "c12": 0, "c13": 0}
pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: str(path.name))
async def test_an_upgrade_keeps_figures_and_closed_reports_and_going_back_is_refused(
    release: Path, place: Path
) -> None:
    running = Running(place / "data")
    running.run("restore", release / "backup")
    running.up()
    try:
        assert json.loads(running.run("report", "show", *QUARTER, "--json"))["total"] == COUNTED
        running.run("report", "export", *QUARTER, "--out", place / "out")
        name = "II.06a_10966_2025-Q4_v1.json"
        assert (place / "out" / name).read_bytes() == (release / name).read_bytes()
    finally:
        running.stop()

    folder = DataFolder(running.data)
    async with EmbeddedServers(folder, bus_users(folder, topology.PILOTS)) as servers:
        url = servers.postgres_dsn("reporting", DATABASE)
        database = await asyncpg.connect(url)
        await database.execute("UPDATE reporting.alembic_version SET version_num = '9999'")
        served = subprocess.run(
            [MOTCUA, "serve", "reporting"], capture_output=True, text=True, timeout=60,
            env={"MOTCUA_NATS_URL": servers.nats.url_of("reporting"), "MOTCUA_DATABASE_URL": url, "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        await database.close()
    upped = subprocess.run(
        [MOTCUA, "up", "--data", str(running.data), "--port", "0"], capture_output=True, text=True, timeout=60
    )
    for done in (served, upped):
        assert done.returncode != 0
        assert done.stderr.startswith("motcua: ") and done.stderr.count("\n") == 1, done.stderr
        assert "the tables of reporting are at version 9999, this motcua 0.1.0 knows them up to" in done.stderr
        assert "start that one, or restore a backup of this version" in done.stderr
