"""`motcua check` on files and on what an address serves; no system runs."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.test_command_line import assert_one_line, motcua
from tests.inside import record

GOOD = record("received", "A-1", "2025-11-03", due_at="2025-11-06")
BAD = record("received", "A-2", "2025-11-03", channel="pigeon")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.jsonl").write_text(json.dumps(GOOD) + "\n")
    (tmp_path / "some.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(BAD)}\n{{broken\n")
    (tmp_path / "so.csv").write_text("Mã hồ sơ;Ngày tiếp nhận\nA-1;03/11/2025\nA-2;31/02/2025\n")
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_that_would_be_taken(folder: Path) -> None:
    done = motcua("check", folder / "good.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 row would be accepted (1 statements), 0 rejected; nothing was sent" in done.stdout


def test_each_bad_line_is_named_with_its_field(folder: Path) -> None:
    done = motcua("check", folder / "some.jsonl")
    assert done.returncode == 3, done
    assert f"{folder / 'some.jsonl'}:1: A-1: accepted: received 03/11/2025 09:00" in done.stdout
    assert f"{folder / 'some.jsonl'}:2: A-2: rejected: data.channel: " in done.stdout
    assert f"{folder / 'some.jsonl'}:3: -: rejected: record: " in done.stdout


def test_a_sheet_and_its_unit(folder: Path) -> None:
    said = json.loads(motcua("check", "--json", "--unit", "10966", folder / "so.csv").stdout)
    assert (said["accepted"], said["rejected"]) == (1, 1)
    assert said["files"][0]["reasons"][0]["field"] == "received_at"


def test_a_packet_of_the_portal(packets: Path) -> None:
    done = motcua("check", packets / "11-v1-mixed.json")
    assert done.returncode == 3, done
    name = packets / "11-v1-mixed.json"
    assert f"{name}:1: 000.10.66.H24-251103-0015: accepted: received 03/11/2025 08:30, processing" in done.stdout
    assert f"{name}:2: 000.10.66.H24-251103-0016: rejected: NgayTiepNhan: is missing (send the " in done.stdout
    said = json.loads(motcua("check", "--json", packets / "24-v2-channel-missing.json").stdout)
    [row] = said["files"][0]["rows"]
    assert row["findings"] == [{"code": "channel_missing", "text": "Không rõ kênh nộp hồ sơ: tính là trực tiếp"}]
    assert motcua("check", packets / "13-v1-unknown-service.json").returncode == 2


def test_what_an_address_serves(address: str) -> None:
    done = motcua("check", f"{address}/some.jsonl")
    assert done.returncode == 3, done
    assert f"{address}/some.jsonl:2: A-2: rejected: data.channel: " in done.stdout


def test_what_cannot_be_read_is_said(address: str, folder: Path) -> None:
    assert_one_line(motcua("check", f"{address}/none.jsonl"), 2, f"{address}/none.jsonl cannot be read: ")
    assert_one_line(motcua("check", "http://127.0.0.1:1/x"), 2, "http://127.0.0.1:1/x cannot be read: ")
    missing = motcua("check", folder / "none.csv")
    assert missing.returncode == 2
    assert "cannot be opened" in " ".join(missing.stderr.split())
