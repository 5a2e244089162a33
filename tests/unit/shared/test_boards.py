"""A mistake in the catalogue of boards is named with file, line and field; a share is cut, never rounded up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared.boards import load_catalogue
from shared.rules import RuleError
from shared.settings import RULES


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    for name in ("boards", "plans"):
        shutil.copytree(RULES / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("share('on_time_rate') }}", "share('on_time_rat') }}", "query: unknown measure 'on_time_rat'"),
        ("{of: on_time_rate.miss,", "{of: on_time_rate.mis,", "list.of: unknown measure 'on_time_rate.mis'"),
        ("target: BG-T2", "target: BG-T99", "target: no plan has a target 'BG-T99'"),
        ("threshold('BG-T2')", "threshold('BG-T99')", "query: no plan has a target 'BG-T99'"),
        ("word('agency'", "words('agency'", "query: 'words' is undefined"),
        ("kind: stat", "kind: pie", "kind: Input should be 'stat', 'gauge', 'timeseries', 'barchart' or 'table'"),
        ("id: hai-long", "id: ty-le-dung-han", "id: ty-le-dung-han stands twice on this board"),
    ],
)
def test_a_wrong_name_is_refused_where_it_stands(rules: Path, right: str, wrong: str, said: str) -> None:
    path = rules / "boards" / "lanh-dao.yaml"
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    with pytest.raises(RuleError) as refused:
        load_catalogue(rules)
    (problem,) = refused.value.problems
    assert problem.file.endswith("lanh-dao.yaml") and problem.line > 1
    assert said in str(problem) and problem.field.startswith("rows[")
