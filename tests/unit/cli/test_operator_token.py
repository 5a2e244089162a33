"""The operator's token of an installation: one at a time, beside those that were given to others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.embedded import DataFolder
from services.system import operator_token
from shared.parties import Forbidden


def test_a_renewed_token_ends_the_one_before_and_nobody_elses(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    old, tokens = operator_token(folder)
    assert tokens.party_of(old).name == "operator"

    file = folder.secrets / "tokens.json"
    others = {"0" * 64: {"name": "centre", "units": ["10966"], "roles": []}}
    file.write_text(json.dumps(json.loads(file.read_text()) | others))
    (folder.secrets / "http-operator").unlink()
    new, tokens = operator_token(folder)

    assert tokens.party_of(new).name == "operator"
    with pytest.raises(Forbidden, match="send a valid token"):
        tokens.party_of(old)
    assert sorted(one["name"] for one in json.loads(file.read_text()).values()) == ["centre", "operator"]
    assert operator_token(folder)[0] == new
