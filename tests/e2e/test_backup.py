"""Volumes are lost for real: what a backup brings back, what the bus alone brings back, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest

from services.embedded import DataFolder, EmbeddedServers
from services.system import bus_users
from shared import topology
from tests.e2e.running import MOTCUA, Running
from tests.e2e.test_plans import a_quarter
from tests.inside import record

pytestmark = pytest.mark.timeout(180)
UNIT, QUARTER = "10966", ("--unit", "10966", "--period", "2025-Q4")


@dataclass
class Lost:
    """An installation before its loss: its data folder, its backup, and what it said."""

    data: Path
    backup: Path
    said: str
    figures: dict[str, Any]
    documents: dict[str, bytes]
    alerts: list[dict[str, Any]]


@pytest.fixture(scope="module")
def lost() -> Iterator[Lost]:
    """Ten dossiers, a closed quarter, alerts that were sent, a dead letter; a record unread before the backup, one after it."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-test-"))
    folder.chmod(0o711)
    running = Running(folder / "data")
    running.up()
    try:
        records = folder / "quarter.jsonl"
        records.write_text("".join(json.dumps(one) + "\n" for one in a_quarter()), "utf-8")
        url = json.loads((running.data / "runtime.json").read_text())["nats_url"]
        asyncio.run(publish(url, b"no record at all"))
        running.run("import", records)
        running.run("report", "close", *QUARTER)
        figures, documents = figures_of(running, period="2025-Q4"), export(running, folder / "a")
        digested(running)
        alerts = sent(running)
        assert [one["rule"] for one in alerts if one["rule"] == "report-closed"]
        running.stop()
        asyncio.run(leave_unread(running.data, "BEFORE"))
        said = running.run("backup", folder / "backup")
        asyncio.run(leave_unread(running.data, "AFTER"))
        yield Lost(running.data, folder / "backup", said, figures, documents, alerts)
    finally:
        with contextlib.suppress(ProcessLookupError):  # stopped, unless something failed
            running.kill()
        shutil.rmtree(folder, ignore_errors=True)


async def publish(url: str, body: bytes) -> None:
    bus = await nats.connect(url)
    await bus.jetstream().publish(topology.onestop_subject(UNIT, "received"), body)
    await bus.close()


async def leave_unread(data: Path, dossier: str) -> None:
    """Put a record on the bus while no service runs."""
    folder = DataFolder(data)
    one = record("received", dossier, "2026-01-05", due_at="2026-01-09", field="Hộ tịch", channel="online")
    async with EmbeddedServers(folder, bus_users(folder, topology.PILOTS)) as servers:
        await publish(servers.nats.url_of(topology.OPERATOR), json.dumps(one).encode())


def export(running: Running, out: Path) -> dict[str, bytes]:
    running.run("report", "export", *QUARTER, "--out", out)
    return {path.name: path.read_bytes() for path in out.iterdir()}


def sent(running: Running) -> list[dict[str, Any]]:
    """The delivery log, without what may change when nothing is sent."""
    found = running.http.get("/v1/alerts", params={"unit": UNIT, "limit": 1000}).json()
    return sorted(
        ({name: one[name] for name in ("key", "rule", "status", "attempts", "delivered_at")} for one in found),
        key=lambda one: str(one["key"]),
    )


def told(running: Running) -> int:
    """Lines that receivers of this folder got, all units."""
    files = (running.data / "out" / "alerts").glob("*.jsonl")
    return sum(len(path.read_text("utf-8").splitlines()) for path in files)


def digested(running: Running) -> None:
    """Wait until nothing waits anywhere, twice in a row."""
    calm = 0
    while calm < 2:
        calm = 0 if any(running.http.get("/v1/backlog").json().values()) else calm + 1


def figures_of(running: Running, **window: str) -> dict[str, Any]:
    answer = running.http.get("/v1/reports/figures", params={"unit": UNIT, **window}).raise_for_status()
    return dict(answer.json()[0])


def received_in_january(running: Running) -> int:
    digested(running)
    return int(figures_of(running, **{"from": "2026-01-01", "to": "2026-01-31"})["total"]["c4"])


def assert_nobody_is_told_again(running: Running, lost: Lost) -> None:
    """Every alert is as it was, and what the records of January add is listed, not sent."""
    now = sent(running)
    assert [one for one in now if one in lost.alerts] == lost.alerts
    assert {one["status"] for one in now if one not in lost.alerts} <= {"suppressed"}
    assert told(running) == 0


@pytest.fixture
def place(lost: Lost) -> Iterator[Path]:
    """A folder beside the lost one for an installation of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="own-", dir=lost.data.parent))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def copy(lost: Lost, place: Path, *, without: str) -> Path:
    """The installation as it stopped, with one volume lost."""
    data = place / "data"
    shutil.copytree(lost.data, data, ignore=shutil.ignore_patterns(without, "out"))
    data.chmod(0o711)
    return data


def refused(*arguments: object, code: int = 2) -> str:
    done = subprocess.run([MOTCUA, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.startswith("motcua: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_both_volumes_and_the_secrets_are_lost_and_all_of_it_comes_back(lost: Lost, place: Path) -> None:
    running = Running(place / "data")
    restored = running.run("restore", lost.backup)
    contents = lost.said.splitlines()[0].partition(": ")[2].rpartition(";")[0]
    assert restored.splitlines()[0] == f"restored from {lost.backup}: {contents}"
    assert contents.endswith("1 closed reports), 1 dead letters, 1 unread messages")
    running.up()
    try:
        assert received_in_january(running) == 1  # what lay unread when the backup was taken; what came later is lost
        assert figures_of(running, period="2025-Q4") == lost.figures
        assert export(running, place / "again") == lost.documents
        document = next(name for name in lost.documents if name.endswith("_v1.json"))
        running.run("report", "verify", place / "again" / document)
        assert_nobody_is_told_again(running, lost)
        letters = json.loads(running.run("deadletter", "list", "--json"))
        assert len(letters) == 1 and letters[0]["reason"]
    finally:
        running.kill()


def test_the_bus_alone_is_lost_and_refilled_without_a_second_alert(lost: Lost, place: Path) -> None:
    running = Running(copy(lost, place, without="nats"))
    running.up()
    try:
        republished = int(running.run("republish").split()[1])
        assert republished >= 30
        assert received_in_january(running) == 0
        assert figures_of(running, period="2025-Q4") == lost.figures
        assert_nobody_is_told_again(running, lost)
    finally:
        running.kill()


def test_the_database_alone_is_lost_and_what_came_after_the_backup_is_read_from_the_bus(
    lost: Lost, place: Path
) -> None:
    running = Running(copy(lost, place, without="postgres"))
    assert "the bus kept its streams; all of them are read again" in running.run("restore", lost.backup)
    running.up()
    try:
        assert received_in_january(running) == 2
        assert figures_of(running, period="2025-Q4") == lost.figures
        assert_nobody_is_told_again(running, lost)
        assert "is in use by process" in refused("restore", lost.backup, "--data", running.data)
    finally:
        running.kill()


def test_a_filled_installation_is_refused_unless_told_to(lost: Lost, place: Path) -> None:
    running = Running(copy(lost, place, without="nothing"))
    said = refused("restore", lost.backup, "--data", running.data)
    assert "this installation is not empty (dossier.journal has" in said and "--replace" in said
    assert "events put on the bus again" in running.run("restore", lost.backup, "--replace")
    said = refused("backup", lost.backup, "--data", running.data, code=1)
    assert f"{lost.backup} is not empty; name a folder that does not exist yet" in said
