"""`motcua simulate` as a vendor's test partner, against a real `motcua up`."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import UTC, date, datetime, timedelta

from services.cli.client import Client
from services.embedded import DataFolder
from shared.events.statements import Kind
from shared.settings import RULES
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate
from tests.e2e.running import MOTCUA, Running
from tests.e2e.test_command_line import assert_one_line, motcua

UNIT = "10966"


def day(ago: int) -> str:
    return str((datetime.now(UTC) + timedelta(hours=7)).date() - timedelta(days=ago))


def counts(said: str) -> dict[str, int]:
    """`91 accepted, 1 duplicate, …` as numbers."""
    return {name: int(count) for count, name in (part.split() for part in said.strip().splitlines()[-1].split(", "))}


def test_every_trap_is_answered_as_expected_and_the_figures_are_right(shared_system: Running) -> None:
    before = shared_system.figures(UNIT, day(20), day(0))["total"]
    told = json.loads(shared_system.run("simulate", "--unit", UNIT, "--traps", "all", "--json"))["traps"]
    assert len(told) == 36
    assert [one for one in told if not one["as_expected"]] == []
    again = json.loads(shared_system.run("simulate", "--unit", UNIT, "--traps", "same-again", "--json"))["traps"]
    assert again[0]["answered"] == [["accepted"], ["duplicate"]], "a second run has dossiers of its own"
    Client.find(shared_system.data).wait_until_digested()
    after = shared_system.figures(UNIT, day(20), day(0))["total"]
    # by hand: 19 dossiers of the first run were received (bad-neighbour has two), and one of the second
    assert after["c3"] - before["c3"] == 20
    # done: nine-without-due, input-as-result, withdrawn, records-backwards; reopened goes on, wait-as-nine never ended
    assert after["c7"] - before["c7"] == 4


def test_a_live_centre_over_http_and_on_the_bus_says_the_same(shared_system: Running) -> None:
    days = ("--unit", UNIT, "--live", "--to", "2025-11-14", "--from")
    first = counts(shared_system.run("simulate", *days, "2025-11-03"))
    assert first["accepted"] > 50
    assert (first["rejected"], first["unanswered"]) == (0, 0)
    password = (shared_system.data / "secrets" / f"nats-centre-{UNIT}").read_text().strip()
    address = DataFolder(shared_system.data).read_runtime()["nats_url"].rpartition("@")[2]
    bus = f"nats://centre-{UNIT}:{password}@{address}"
    second = counts(shared_system.run("simulate", *days, "2025-11-03", "--bus", bus, "--test-system"))
    assert second == {**first, "accepted": 0, "duplicate": first["accepted"] + first["duplicate"]}
    wrong = motcua(
        "simulate", *days, "2025-11-03", "--test-system", "--bus", f"nats://centre-{UNIT}:not-the-secret@{address}"
    )
    assert_one_line(wrong, 2, "cannot be used")
    assert "not-the-secret" not in wrong.stderr


def test_a_later_part_is_of_the_same_centre(shared_system: Running) -> None:
    """Were it another centre with the same ids, the whole that follows would be swallowed as duplicates of it."""
    days = ("--unit", "10510", "--live", "--to", "2025-11-14", "--from")
    for begin in ("2025-11-10", "2025-11-03"):
        assert counts(shared_system.run("simulate", *days, begin))["accepted"] > 50
    Client.find(shared_system.data).wait_until_digested()
    total = shared_system.figures("10510", "2025-11-03", "2025-11-14")["total"]
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    told, old, received = datetime.fromisoformat("2025-11-03T00:00:00+07:00"), set[str](), set[str]()
    for one in simulate(["10510"], 1, date(2025, 7, 1), date(2025, 11, 14), load_calendar(RULES), scenario):
        statement = one.statement
        if one.said_at < told:
            old.add(statement.dossier)
        elif statement.kind is Kind.RECEIVED and statement.time >= told and statement.dossier not in old:
            received.add(statement.dossier)
    assert total["c4"] + total["c5"] == len(received)


def test_a_live_centre_goes_on_until_it_is_stopped(shared_system: Running) -> None:
    """What lies ahead is waited for; Ctrl-C ends it with the counts."""
    command = ["simulate", "--unit", "10510", "--live", "--rate", "400", "--from", day(14), "--to", day(-14)]
    process = subprocess.Popen(
        [MOTCUA, *command, "--data", str(shared_system.data)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "to come" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped" in err
    assert counts(out)["accepted"] > 0


def test_what_cannot_be_played_is_said() -> None:
    days = ("--from", "2025-11-05", "--to", "2025-11-01")
    for arguments, reason in (
        (("--unit", UNIT), "say --out FILE, --live, or --traps all"),
        (("--unit", UNIT, "--out", "x.jsonl", *days), "--to 2025-11-01 is before --from 2025-11-05"),
        (("--unit", UNIT, "--unit", "10510", "--live", "--bus", "nats://x"), "speaks for one unit"),
        (("--unit", UNIT, "--live", "--bus", "nats://x"), "counted at --bus; say --test-system"),
        (("--unit", UNIT, "--live", "--from", "2025-06-30"), "is before 2025-07-01"),
        (("--unit", UNIT, "--traps", "nobody"), "no trap is called nobody"),
        (("--unit", UNIT, "--traps", "all", "--live"), "say one of them"),
        (("--unit", UNIT, "--unit", "10510", "--traps", "all"), "give --unit once"),
        (("--unit", "99999", "--traps", "all"), "there is no unit 99999"),
    ):
        assert_one_line(motcua("simulate", *arguments), 2, reason)
    away = motcua("simulate", "--unit", UNIT, "--traps", "all", MOTCUA_URL="http://127.0.0.1:1")
    assert_one_line(away, 2, "counted at MOTCUA_URL; say --test-system")
