"""What `motcua simulate --traps` says when a system answers otherwise than it ought to."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.cli.client import Client, CommandFailed
from services.cli.trying import chosen_traps, try_traps, write_traps

NOW = datetime.fromisoformat("2025-11-10T08:00:00+07:00")


class Credulous(Client):
    """A system that takes everything."""

    def __init__(self) -> None: ...

    def exchange(self, path: str, content: bytes, media_type: str) -> Any:
        """Every item of a list is accepted."""
        return {"error_code": "0", "result": [{"status": "accepted"} for _ in json.loads(content)]}


def test_a_system_that_believes_everything_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    traps = chosen_traps(["withdrawn", "impossible-date"], "10966", NOW)
    assert try_traps(Credulous(), traps, "10966", as_json=True) == 3
    told = {one["trap"]: one for one in json.loads(capsys.readouterr().out)["traps"]}
    assert told["withdrawn"]["as_expected"]
    assert (told["impossible-date"]["expected"], told["impossible-date"]["answered"]) == (
        [["rejected: NgayTiepNhan"]], [["accepted"]],
    )  # fmt: skip
    try_traps(Credulous(), traps, "10966", as_json=False)
    assert "1 of 2 answered as expected" in capsys.readouterr().out


def test_an_unknown_trap_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(CommandFailed, match=r"no trap is called nine; there are: all, same-again, .*nine-without-due"):
        chosen_traps(["withdrawn", "nine"], "10966", NOW)


def test_requests_are_written_with_their_doors_and_answers(tmp_path: Path) -> None:
    write_traps(chosen_traps(["same-again", "record-without-offset"], "10966", NOW), tmp_path / "traps")
    manifest = json.loads((tmp_path / "traps" / "manifest.json").read_text("utf-8"))
    assert [(one["file"], one["door"], one["expected"]) for one in manifest] == [
        ("same-again-1.json", "/dvcqg/v1", ["accepted"]),
        ("same-again-2.json", "/dvcqg/v1", ["duplicate"]),
        ("record-without-offset-1.json", "/v1/records", ["rejected: time"]),
    ]
    packet = json.loads((tmp_path / "traps" / "same-again-1.json").read_text("utf-8"))
    assert packet["data"][0]["NgayTiepNhan"] == "20251103083000", "a week before, in the portal's form"
