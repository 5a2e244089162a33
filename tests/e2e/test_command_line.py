"""Every command as an operator types it: what it prints, where, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import nats
import pytest

from services.cli import app
from tests.e2e.running import MOTCUA, Running
from tests.e2e.test_plans import a_quarter

QUARTER = ("--unit", "10966", "--period", "2025-Q4")


def motcua(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MOTCUA, *map(str, arguments)], capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.startswith("motcua: ") and done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr


def on_bus(running: Running, work: Any) -> Any:
    async def run() -> Any:
        bus = await nats.connect(json.loads((running.data / "runtime.json").read_text())["nats_url"])
        try:
            return await work(bus.jetstream())
        finally:
            await bus.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def office(shared_system: Running) -> Running:
    """A system that knows ten dossiers of one quarter."""
    records = shared_system.data.parent / "quarter.jsonl"
    records.write_text("".join(json.dumps(one) + "\n" for one in a_quarter()), "utf-8")
    shared_system.run("import", records)
    return shared_system


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "show", *QUARTER),
        ("report", "list", "--unit", "10966"),
        ("report", "close", *QUARTER),
        ("report", "export", *QUARTER, "--out", "never.xlsx"),
        ("report", "behind", "--unit", "10966", "--column", "c3", "--from", "2025-09-15", "--to", "2025-12-14"),
        ("plan", "show", "--unit", "10966"),
        ("plan", "evidence", "--unit", "10966", "--plan", "p", "--item", "i", "--title", "t"),
        ("deadletter", "list"),
        ("deadletter", "show", "1"),
        ("deadletter", "replay", "1"),
        ("republish",),
        ("doctor",),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_without_a_system_a_command_says_how_to_start_one(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = motcua(*arguments, "--data", tmp_path / "none")
    assert_one_line(done, 2, f"nothing runs on {tmp_path / 'none'}; start it with: motcua up --data")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "check", "no-such.yaml"), "no-such.yaml:1: cannot be read: No such file or directory"),
        (("import", "x.csv", "--as-of", "31/11/2025"), "--as-of 31/11/2025 is no instant; write it as"),
        (("import", "x.csv", "--as-of", "2025-11-30T17:00:00"), "has no offset; write it as 2025-11-30T17:00:00+07:00"),
        (("report", "show", "--unit", "10966"), "give either --period or both --from and --to"),
        (("serve", "mail"), "there is no service 'mail'; choose one of dossier, inspection"),
        (("provision",), "cannot provision: MOTCUA_ADMIN_DATABASE_URL"),
        (("simulate", "--unit", "10966", "--out", "/no/such/folder/x.jsonl"), "/no/such/folder/x.jsonl"),
        (("simulate", "--unit", "99999", "--out", "/dev/null"), "99999"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_without_a_trace(arguments: tuple[str, ...], said: str) -> None:
    assert_one_line(motcua(*arguments), 2, said)


def test_an_address_where_nobody_answers_is_one_line() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        assert_one_line(motcua("doctor", MOTCUA_URL=f"http://127.0.0.1:{port}"), 1, "not ready: ")
        assert_one_line(
            motcua("deadletter", "list", MOTCUA_NATS_URL=f"nats://u:geheim@127.0.0.1:{port}"), 2, "the bus at"
        )


def test_help_names_every_command() -> None:
    done = motcua("--help")
    assert done.returncode == 0
    wanted = {one.name for one in app.registered_commands} | {"report", "plan", "deadletter"}
    assert wanted >= {"up", "demo", "import", "simulate", "republish", "doctor", "serve", "provision"}
    assert all(f" {name} " in done.stdout for name in wanted if name)


def test_up_says_on_standard_error_where_everything_is(office: Running) -> None:
    said = (office.data.parent / "up.log").read_text()
    assert f"POST {office.url}/v1/records" in said
    for name in ("figures", "plans", "health", "metrics", "contracts", "bus", "secrets", "alerts"):
        assert f"\n  {name} " in said


def test_a_folder_or_a_port_in_use_is_one_line_and_hurts_nobody(office: Running, place: Path) -> None:
    assert_one_line(motcua("up", "--data", office.data, "--port", "0"), 2, f"{office.data} is in use by process")
    port = office.url.rpartition(":")[2]
    taken = motcua("up", "--data", place / "second", "--port", port)
    assert_one_line(taken, 2, f"cannot listen on 127.0.0.1:{port}: it is in use; choose another --port")
    assert not (place / "second").exists()
    assert "ready" in office.run("doctor")


def test_figures_are_the_same_on_the_terminal_and_as_one_json_document(office: Running) -> None:
    figures = json.loads(office.run("report", "show", *QUARTER, "--json"))
    wanted = {"c3": 10, "c4": 10, "c5": 0, "c6": 0, "c7": 10, "c8": 0, "c9": 9, "c10": 1, "c11": 0, "c12": 0, "c13": 0}
    assert (figures["unit"], figures["from"], figures["to"]) == ("10966", "2025-09-15", "2025-12-14")
    assert figures["total"] == wanted
    assert figures["rows"] == [{"field": "Hộ tịch", **wanted}]
    shown = office.run("report", "show", *QUARTER)
    assert "Tổng số" in shown and "Hộ tịch" in shown
    several = json.loads(
        office.run("report", "show", "--unit", "10966", "--unit", "10510", "--period", "2025-Q4", "--json")
    )
    assert [one["unit"] for one in several] == ["10966", "10510"]
    behind = ("--unit", "10966", "--column", "c10", "--from", "2025-09-15", "--to", "2025-12-14")
    assert [one["code"] for one in json.loads(office.run("report", "behind", *behind))] == ["H24.103-251001-0000"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "show", "--unit", "10966", "--period", "2025-Q5"), "2025-Q5"),
        (("report", "show", "--unit", "10966", "--from", "2025-12-14", "--to", "2025-09-15"), "2025-09-15"),
        (("report", "show", "--unit", "10966", "--from", "2025-11-31", "--to", "2025-12-15"), "from"),
        (("report", "show", "--unit", "10966", "--period", "2025-Q4", "--form", "II.99"), "II.99"),
        (("report", "behind", "--unit", "10966", "--column", "c14", "--from", "2025-09-15", "--to", "2025-12-14"), "c14"),
        (("report", "export", "--unit", "10510", "--period", "2025-Q4", "--out", "never.xlsx"), "2025-Q4"),
        (("plan", "evidence", "--unit", "10966", "--plan", "bg-kstthc-2025", "--item", "BG-99", "--title", "t"), "BG-99"),
        (("plan", "evidence", "--unit", "10966", "--plan", "bg-kstthc-2025", "--item", "BG-1.1", "--title", "t", "--date", "2025-09-31"), "document_date"),
        (("deadletter", "show", "999999"), "there is no dead letter 999999"),
        (("deadletter", "replay", "999999"), "there is no dead letter 999999"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)  # fmt: skip
def test_what_the_system_refuses_is_one_line(arguments: tuple[str, ...], said: str, office: Running) -> None:
    assert_one_line(motcua(*arguments, "--data", office.data), 2, said)
    assert not Path("never.xlsx").exists()


def test_a_document_moves_the_item_that_it_is_evidence_for(office: Running) -> None:
    def item(name: str) -> dict[str, Any]:
        (plan,) = json.loads(office.run("plan", "show", "--unit", "10966", "--json"))["plans"]
        return next(one for task in plan["tasks"] for one in task["items"] if one["id"] == name)

    assert (item("BG-1.1")["evidence"], item("BG-1.1")["status"]) == (0, "thường xuyên")
    assert item("BG-2.1b")["status"] == "chờ quyết định"  # due on a 31 September that nobody has corrected yet
    about = ("--unit", "10966", "--plan", "bg-kstthc-2025", "--item", "BG-1.1", "--title", "Kế hoạch KSTTHC")
    assert (
        office.run("plan", "evidence", *about, "--number", "21/KH-UBND", "--date", "2025-08-29")
        == "recorded for BG-1.1\n"
    )
    assert (item("BG-1.1")["evidence"], item("BG-1.1")["status"]) == (1, "đã có minh chứng")
    assert (item("BG-1.2")["evidence"], item("BG-1.2")["status"]) == (0, "thường xuyên")
    asked = motcua("plan", "evidence", "--help").stdout
    assert "--title" in asked and not any(word in asked for word in ("--name", "--phone", "--address", "--identity"))


def test_an_import_says_what_was_refused_line_by_line_on_standard_output(office: Running, place: Path) -> None:
    good, bad = a_quarter()[0], {**a_quarter()[1], "id": "no-date", "time": "2025-11-31T08:00:00+07:00"}
    path = place / "some.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (good, bad)), "utf-8")
    done = motcua("import", path, "--data", office.data)
    assert done.returncode == 3
    first, second = done.stdout.splitlines()
    assert first == f"{path}: 0 accepted, 1 duplicate, 1 rejected"
    assert second.startswith(f"{path}:2: ") and "time" in second
    told = json.loads(office.run("import", path, "--json", expect=3))
    assert (told["accepted"], told["duplicate"], told["rejected"], told["unreadable"]) == (0, 1, 1, [])
    missing = motcua("import", place / "none.csv", "--json", "--data", office.data)
    assert missing.returncode == 2 and len(json.loads(missing.stdout)["unreadable"]) == 1


def test_a_dead_letter_is_listed_shown_and_replayed(office: Running) -> None:
    record = {**a_quarter()[0], "id": "late-unit", "subject": "H-1"}
    record["data"] = {**record["data"], "unit": "00001", "dossier": "H-1"}
    body = json.dumps(record).encode()
    on_bus(office, lambda js: js.publish("onestop.v1.00001.received", body))
    letters: list[dict[str, Any]] = []
    while not letters:
        found = json.loads(office.run("deadletter", "list", "--json", "--limit", "1000"))
        letters = [one for one in found if one["origin"].endswith("onestop.v1.00001.received")]
    number = letters[0]["number"]
    assert letters[0]["service"] == "dossier" and letters[0]["field"] == "data.unit"
    shown = json.loads(office.run("deadletter", "show", number))
    assert json.loads(shown["original"])["id"] == "late-unit"
    assert f" {number} " in office.run("deadletter", "list")
    assert office.run("deadletter", "replay", number) == f"replayed letter {number} to onestop.v1.00001.received\n"


def test_a_wiped_stream_is_refilled_and_no_figure_moves(office: Running) -> None:
    figures, plan = (
        office.run("report", "show", *QUARTER, "--json"),
        office.run("plan", "show", "--unit", "10966", "--json"),
    )

    async def known(js: Any) -> set[str]:
        last = (await js.stream_info("DOSSIER")).state
        numbers = range(last.first_seq, last.last_seq + 1)
        return {json.loads((await js.get_msg("DOSSIER", number)).data)["id"] for number in numbers}

    before = on_bus(office, known)
    assert len(before) >= 30
    on_bus(office, lambda js: js.purge_stream("DOSSIER"))
    assert on_bus(office, known) == set()
    office.run("republish")
    assert on_bus(office, known) == before
    office.run("doctor")
    assert office.run("report", "show", *QUARTER, "--json") == figures
    assert office.run("plan", "show", "--unit", "10966", "--json") == plan


def test_a_simulated_centre_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    days = ("--from", "2025-07-01", "--to", "2025-07-05", "--seed", "7", "--unit", "10966")
    for name in ("a.jsonl", "b.jsonl"):
        done = motcua("simulate", *days, "--out", tmp_path / name)
        assert done.returncode == 0 and done.stdout.startswith(f"{tmp_path / name}: ")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
