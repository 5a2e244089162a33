"""Real logs through the real doors give exactly the independently computed figures, whatever order they arrive in."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.running import MOTCUA, Running

LOGS = {
    "receipt-sheet": ("receipt/dossiers.csv", "receipt/expected", 2),
    "receipt-records": ("receipt/records.jsonl.gz", "receipt/expected_records", 0),
    "boston311": ("boston311/dossiers.csv", "boston311/expected", 0),
    "bpic15_1": ("bpic15_1/records.jsonl.gz", "bpic15_1/expected", 0),
}
Lines = list[str]


def in_file_order(lines: Lines) -> list[Lines]:
    return [lines]


def shuffled(seed: int) -> Callable[[Lines], list[Lines]]:
    def arrange(lines: Lines) -> list[Lines]:
        return [random.Random(seed).sample(lines, len(lines))]

    return arrange


def with_duplicates(lines: Lines) -> list[Lines]:
    again = random.Random(7).sample(lines, len(lines) // 10)
    return [random.Random(8).sample(lines + again, len(lines) + len(again))]


def delivered_late(lines: Lines) -> list[Lines]:
    late = set(random.Random(9).sample(range(len(lines)), len(lines) // 10))
    return [
        [line for n, line in enumerate(lines) if n not in late],
        [line for n, line in enumerate(lines) if n in late],
    ]


ARRANGEMENTS = {
    "file-order": in_file_order,
    "shuffled-1": shuffled(1),
    "shuffled-2": shuffled(2),
    "duplicates": with_duplicates,
    "late": delivered_late,
}


def write(log: Path, arranged: list[Lines], heading: Lines, folder: Path) -> list[Path]:
    paths = [folder / f"{number}-{log.name.removesuffix('.gz')}" for number in range(len(arranged))]
    for path, lines in zip(paths, arranged, strict=True):
        path.write_text("".join(heading + lines), "utf-8")
    return paths


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
@pytest.mark.parametrize("log", LOGS)
def test_a_real_log_gives_the_independent_figures(
    log: str, arrangement: str, system: Running, shared_data: Path, place: Path
) -> None:
    name, expected, refused = LOGS[log]
    path = shared_data / name
    text = gzip.decompress(path.read_bytes()).decode() if name.endswith(".gz") else path.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    heading = lines[:1] if name.endswith(".csv") else []
    for file in write(path, ARRANGEMENTS[arrangement](lines[len(heading) :]), heading, place):
        system.run("import", file, expect=None)
    if arrangement == "file-order" and refused:
        again = json.loads(system.run("import", place / "0-dossiers.csv", "--json", expect=3))
        assert again["accepted"] == 0
        assert [(one["line"], one["code"]) for one in again["files"][0]["rejections"]] == [
            (one["line"], one["code"]) for one in json.loads((path.parent / "refused.json").read_text())
        ]
    windows = sorted((shared_data / expected).glob("*.json"))
    assert windows
    for window in windows:
        wanted = json.loads(window.read_text("utf-8"))
        assert system.figures(wanted["unit"], wanted["from"], wanted["to"]) == wanted


def test_kill_minus_nine_in_the_middle_of_an_import_changes_no_figure(
    system: Running, shared_data: Path, place: Path
) -> None:
    log = shared_data / "receipt" / "records.jsonl.gz"
    importing = subprocess.Popen(
        [MOTCUA, "import", str(log), "--data", str(system.data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with system.http as http:
        while 'verdict="accepted"' not in http.get("/metrics").text:
            assert importing.poll() is None, "the import ended before the system could be killed"
    system.kill()
    importing.wait(60)
    system.up()
    outcome = json.loads(system.run("import", log, "--json"))
    assert outcome["rejected"] == 0
    assert outcome["accepted"] + outcome["duplicate"] == 11_111
    for window in sorted((shared_data / "receipt" / "expected_records").glob("*.json")):
        wanted = json.loads(window.read_text("utf-8"))
        assert system.figures(wanted["unit"], wanted["from"], wanted["to"]) == wanted
