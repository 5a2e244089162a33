"""A token is good until the end of its last day; the file may say so or not."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli.client import CommandFailed
from shared.localtime import LOCAL
from shared.parties import Forbidden, Tokens

TODAY = datetime.now(LOCAL).date()


def tokens(path: Path, **expires: str) -> Tokens:
    known = {
        hashlib.sha256(name.encode()).hexdigest(): {
            "name": name,
            "units": ["10966"],
            **({"expires": day} if day else {}),
        }
        for name, day in expires.items()
    }
    path.write_text(json.dumps(known), "utf-8")
    return Tokens.load(path)


def test_a_token_ends_with_its_last_day(tmp_path: Path) -> None:
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    known = tokens(tmp_path / "tokens", always="", today=TODAY.isoformat(), yesterday=yesterday)
    assert known.party_of("always").name == "always"
    assert known.party_of("today").name == "today"
    with pytest.raises(Forbidden, match=f"this token expired on {yesterday}; ask the operator") as refused:
        known.party_of("yesterday")
    assert refused.value.status == 401


def test_the_command_gives_a_last_day_and_shows_it(tmp_path: Path) -> None:
    (file := tmp_path / "tokens").write_text("{}", "utf-8")
    made = CliRunner().invoke(
        app, ["token", "add", "vnpt", "--unit", "10966", "--expires", "2199-12-31", "--file", str(file)]
    )
    assert made.exit_code == 0, made.output
    assert Tokens.load(file).party_of(made.output.strip()).name == "vnpt"
    shown = CliRunner().invoke(app, ["token", "list", "--file", str(file)])
    assert shown.output == "vnpt\tunits 10966\troles -\tuntil 2199-12-31\n"
    over = CliRunner().invoke(
        app, ["token", "add", "fpt", "--unit", "10966", "--expires", "2020-01-01", "--file", str(file)]
    )
    assert isinstance(over.exception, CommandFailed) and "is over already" in str(over.exception)
