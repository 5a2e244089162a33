"""A closed report is signed, checkable offline, and never changes; expectations are counted by hand."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.e2e.running import MOTCUA, Running

UNIT, PERIOD = "10966", "2025-Q4"
STEM = f"II.06a_{UNIT}_{PERIOD}_v1"


def statement(number: int, kind: str, at: str, **facts: Any) -> dict[str, Any]:
    code = f"H24.103-251001-{number:04d}"
    return {
        "specversion": "1.0", "id": f"{code}/{kind}/{at}", "source": "/onestop/31/10966",
        "type": f"vn.motcua.onestop.{kind}.v1", "subject": code, "time": at,
        "data": {"unit": UNIT, "dossier": code, **facts},
    }  # fmt: skip


def received(number: int, *, channel: str = "online") -> dict[str, Any]:
    at = "2025-10-01T08:00:00+07:00"
    return statement(
        number, "received", at, received_at=at, due_at="2025-10-08T17:00:00+07:00", field="Hộ tịch", channel=channel
    )


def completed(number: int, day: str, **facts: Any) -> dict[str, Any]:
    return statement(number, "completed", f"{day}T09:00:00+07:00", **facts)


def tell(system: Running, name: str, statements: list[dict[str, Any]]) -> None:
    path = system.data.parent / f"{name}.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in statements), "utf-8")
    system.run("import", path)


def a_quarter(system: Running) -> None:
    """60 dossiers of Hộ tịch: 1–20 done early, 21–30 on the day, 31–60 open and overdue; 1–40 came online."""
    told = [received(n, channel="online" if n <= 40 else "direct") for n in range(1, 61)]
    told += [completed(n, "2025-10-06") for n in range(1, 21)] + [completed(n, "2025-10-08") for n in range(21, 31)]
    tell(system, "quarter", told)


def motcua(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([MOTCUA, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def folder(system: Running, place: Path) -> Path:
    a_quarter(system)
    system.run("report", "close", "--unit", UNIT, "--period", PERIOD)
    system.run("report", "export", "--unit", UNIT, "--period", PERIOD, "--out", place / "out")
    return place / "out"


def test_a_closed_report_is_signed_and_every_change_is_found_offline(system: Running, folder: Path) -> None:
    document = folder / f"{STEM}.json"
    report = json.loads(document.read_bytes())
    assert report["rows"] == [
        {
            "field": "Hộ tịch",
            "c3": 60,
            "c4": 40,
            "c5": 20,
            "c6": 0,
            "c7": 30,
            "c8": 20,
            "c9": 10,
            "c10": 0,
            "c11": 30,
            "c12": 0,
            "c13": 30,
        }
    ]
    assert report["signed_off"]["role"] == "reporter"
    assert report["dossiers"]["count"] == 60

    refused = system.run("report", "close", "--unit", UNIT, "--period", PERIOD, expect=2)
    assert refused == ""
    with system.http as http:
        again = http.post("/v1/reports/close", json={"unit": UNIT, "period": PERIOD})
        assert again.status_code == 409 and "never changes" in again.json()["error"]
        other = http.post("/v1/reports/close", json={"unit": UNIT, "period": "2025-Q3", "as": "clerk"})
        assert other.status_code == 403 and "say --as reporter" in other.json()["error"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    system.stop()
    assert motcua("report", "verify", document).returncode == 0
    for name in (f"{STEM}.xlsx", f"{STEM}.pdf", f"{STEM}.docx", f"{STEM}.dossiers.jsonl"):
        assert motcua("report", "verify", folder / name).returncode == 0

    original = document.read_bytes()
    changed = original.replace(b'"c4":40', b'"c4":41', 1)
    document.write_bytes(changed)
    said = motcua("report", "verify", document)
    assert said.returncode == 1
    assert "a figure was changed" in said.stdout and "the signature does not hold" in said.stdout
    document.write_bytes(original + b"\n")
    assert "bytes were changed" in motcua("report", "verify", document).stdout
    document.write_bytes(original)
    sheet = folder / f"{STEM}.xlsx"
    content = bytearray(sheet.read_bytes())
    content[len(content) // 2] ^= 1
    sheet.write_bytes(content)
    said = motcua("report", "verify", sheet)
    assert said.returncode == 1 and "another checksum" in said.stdout
    assert motcua("report", "verify", folder / "nothing.json").returncode == 2

    system.up()
    system.run("report", "export", "--unit", UNIT, "--period", PERIOD, "--out", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def late_statements() -> list[dict[str, Any]]:
    """Fifty: 31–60 were completed on 10/10, two days late; 1–20 had come directly, not online."""
    told = [completed(n, "2025-10-10") for n in range(31, 61)]
    return told + [statement(n, "updated", "2025-10-07T08:00:00+07:00", channel="direct") for n in range(1, 21)]


def proposals(system: Running, *arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(system.run("report", "proposals", "--unit", UNIT, "--json", *arguments)))


def events(system: Running) -> list[tuple[str, dict[str, Any]]]:
    async def read() -> list[tuple[str, dict[str, Any]]]:
        bus = await nats.connect(json.loads((system.data / "runtime.json").read_text())["nats_url"])
        js = bus.jetstream()
        last = (await js.stream_info("REPORT")).state.last_seq
        found = [await js.get_msg("REPORT", number) for number in range(1, last + 1)]
        await bus.close()
        closed = [one for one in found if ".unit_report_" not in str(one.subject)]  # not of reports that are owed
        return [(str(one.subject), json.loads(one.data or b"")["data"]) for one in closed]

    return asyncio.run(read())


def test_fifty_late_statements_change_nothing_until_somebody_approves(system: Running, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tell(system, "late", late_statements())

    system.run("report", "export", "--unit", UNIT, "--period", PERIOD, "--out", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    [proposal] = proposals(system)
    assert [(one["field"], one["column"], one["old"], one["new"]) for one in proposal["cells"]] == [
        ("Hộ tịch", "c4", 40, 20),
        ("Hộ tịch", "c5", 20, 40),
        ("Hộ tịch", "c7", 30, 60),
        ("Hộ tịch", "c10", 0, 30),
        ("Hộ tịch", "c11", 30, 0),
        ("Hộ tịch", "c13", 30, 0),
    ]
    assert [one["dossier"] for one in proposal["causes"]] == [
        f"H24.103-251001-{n:04d}" for n in (*range(1, 21), *range(31, 61))
    ]
    assert {(one["old_revision"], one["new_revision"], *one["sources"]) for one in proposal["causes"]} == {
        (2, 3, "/onestop/31/10966"),
        (1, 2, "/onestop/31/10966"),
    }

    number = proposal["id"]
    with system.http as http:
        for stated, status, words in ((None, 403, "say --as approver"), ("clerk", 403, "say --as approver")):
            answer = http.post(f"/v1/reports/proposals/{number}/approve", json={"as": stated})
            assert (answer.status_code, words in answer.json()["error"]) == (status, True)
        assert http.post("/v1/reports/proposals/999/approve", json={"as": "approver"}).status_code == 404
        assert http.post(f"/v1/reports/proposals/{number}/reject", json={"reason": " "}).status_code == 400
    assert "supersedes v1" in system.run("report", "approve", number, "--as", "approver")
    with system.http as http:
        twice = http.post(f"/v1/reports/proposals/{number}/approve", json={"as": "approver"})
        assert twice.status_code == 409 and "already approved" in twice.json()["error"]
    system.run("report", "export", "--unit", UNIT, "--period", PERIOD, "--version", 1, "--out", folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    system.run("report", "export", "--unit", UNIT, "--period", PERIOD, "--out", folder)
    second = folder / f"{STEM[:-1]}2.json"
    assert motcua("report", "verify", second).returncode == 0
    report = json.loads(second.read_bytes())
    assert (report["version"], report["supersedes"], report["total"]["c10"]) == (2, 1, 30)
    assert proposals(system) == []
    subjects = [f"report.v1.{UNIT}.{event}" for event in ("closed", "published", "restated")]
    assert [subject for subject, _ in events(system)] == subjects
    assert events(system)[-1][1] == report

    tell(system, "later still", [completed(21, "2025-10-03")])
    [later] = proposals(system)
    assert [(one["column"], one["old"], one["new"]) for one in later["cells"]] == [("c8", 20, 21), ("c9", 10, 9)]
    system.run("report", "reject", later["id"], "--reason", "Biên bản ngày 08/10 đã ký")
    assert proposals(system) == []
    kept = proposals(system, "--all")[-1]
    assert (kept["status"], kept["reason"], kept["decided_as"]) == ("rejected", "Biên bản ngày 08/10 đã ký", "approver")
