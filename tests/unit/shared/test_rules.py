from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from shared.rules import RuleError, RuleModel, load, load_located


class Level(StrEnum):
    WARNING = "warning"


class Target(RuleModel):
    code: str
    at_least: Decimal
    until: date | None = None


class Plan(RuleModel):
    id: str
    level: Level = Level.WARNING
    at: time = time(7, 30)
    targets: tuple[Target, ...] = ()
    owners: dict[str, str] = Field(default_factory=dict)


GOOD = """\
id: plan
level: warning
at: "17:00"
targets:
  - code: "00070"
    at_least: 0.9
    until: 2025-12-31
  - {code: b, at_least: 1}
owners:
  "10966": van-phong
"""

Writes = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writes:
    monkeypatch.chdir(tmp_path)

    def write_rules(content: str | bytes) -> Path:
        path = tmp_path / "rules" / "x.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_rules


def problems_of(path: Path) -> list[str]:
    with pytest.raises(RuleError) as refused:
        load(path, Plan)
    assert str(refused.value).splitlines() == [str(problem) for problem in refused.value.problems]
    return [str(problem) for problem in refused.value.problems]


def test_a_good_file_becomes_plain_typed_values(write: Writes) -> None:
    plan = load(write(GOOD), Plan)
    assert plan.targets[0] == Target(code="00070", at_least=Decimal("0.9"), until=date(2025, 12, 31))
    assert (plan.at, plan.level, plan.owners) == (time(17), Level.WARNING, {"10966": "van-phong"})
    assert type(plan.id) is str


def test_rules_cannot_be_changed_once_loaded(write: Writes) -> None:
    plan = load(write(GOOD), Plan)
    with pytest.raises(ValidationError):
        plan.id = "other"


@pytest.mark.parametrize(
    ("instead_of", "write_this", "problem"),
    [
        ("id: plan\n", "", "rules/x.yaml:1: id: is missing (add it)"),
        ("    at_least: 0.9\n", "", "rules/x.yaml:5: targets[0].at_least: is missing (add it)"),
        (", at_least: 1", "", "rules/x.yaml:8: targets[1].at_least: is missing (add it)"),
        ('"00070"', "00070", "rules/x.yaml:5: targets[0].code: 70 is not text (put it in quotes)"),
        ('"00070"', "1.004873", "rules/x.yaml:5: targets[0].code: 1.004873 is not text (put it in quotes)"),
        ("2025-12-31", "2025-09-31", "rules/x.yaml:7: targets[0].until: 2025-09-31 is no date"),
        ("2025-12-31", '"31/12/2025"', "rules/x.yaml:7: targets[0].until: 31/12/2025 is no date"),
        ('"17:00"', '"25:00"', "rules/x.yaml:3: at: 25:00 is no time of day (write HH:MM in quotes)"),
        ("level: warning", "level: loud", "rules/x.yaml:2: level: Input should be 'warning' (it says 'loud')"),
        ("level: warning", "lvel: warning", "rules/x.yaml:2: lvel: is not a field known here"),
        ("{code: b, at_least: 1}", "b", "rules/x.yaml:8: targets[1]: is not a map of fields"),
        ("van-phong", "7", "rules/x.yaml:10: owners.10966: 7 is not text (put it in quotes)"),
        ("van-phong", ".nan", "rules/x.yaml:10: owners.10966: a value that rules cannot hold"),
        ("id: plan", "id: plan\nid: other", 'rules/x.yaml:2: found duplicate key "id" (remove one of the two)'),
        ("level: warning", "level: [", "rules/x.yaml:4: is not YAML: while parsing a flow sequence"),
        ("level: warning", "level: a: b", "rules/x.yaml:2: is not YAML: mapping values are not allowed here"),
        ("level: warning", "\tlevel: warning", "rules/x.yaml:2: is not YAML: "),
    ],
)
def test_a_mistake_is_named_with_line_field_and_remedy(
    write: Writes, instead_of: str, write_this: str, problem: str
) -> None:
    assert instead_of in GOOD
    (said,) = problems_of(write(GOOD.replace(instead_of, write_this)))
    assert said.startswith(problem)


def test_every_mistake_of_a_file_is_told_at_once(write: Writes) -> None:
    text = GOOD.replace("id: plan", "id: 7").replace("at_least: 1", "at_least: many").replace("van-phong", "false")
    assert [problem.split(": ")[0] for problem in problems_of(write(text))] == [
        "rules/x.yaml:1",
        "rules/x.yaml:8",
        "rules/x.yaml:10",
    ]


def test_a_key_without_quotes_is_refused_because_it_loses_zeros(write: Writes) -> None:
    (said,) = problems_of(write(GOOD.replace('"10966"', "00070")))
    assert said.startswith("rules/x.yaml:10: owners[70]: the key 70 is not text (put it in quotes")


def test_a_missing_file_is_a_rule_error(write: Writes) -> None:
    path = write(GOOD).with_name("y.yaml")
    assert problems_of(path) == [
        "rules/y.yaml:1: cannot be read: No such file or directory (check the path and its permissions)"
    ]


def test_a_file_in_another_encoding_is_refused_at_its_line(write: Writes) -> None:
    assert problems_of(write(GOOD.replace("warning", "cảnh").encode("utf-16"))) == [
        "rules/x.yaml:1: is not UTF-8 (save the file as UTF-8)"
    ]
    assert problems_of(write(b"id: plan\nlevel: c\xe1nh\n")) == [
        "rules/x.yaml:2: is not UTF-8 (save the file as UTF-8)"
    ]


def test_a_byte_order_mark_does_no_harm(write: Writes) -> None:
    assert load(write(GOOD.encode("utf-8-sig")), Plan).id == "plan"


def test_an_empty_file_is_told_so(write: Writes) -> None:
    assert problems_of(write("# nothing yet\n")) == [
        "rules/x.yaml:1: the file is empty (write the rules, or remove it)"
    ]


def test_nesting_without_end_is_a_rule_error(write: Writes) -> None:
    (said,) = problems_of(write("[" * 800))
    assert said.startswith("rules/x.yaml:1: is not YAML")


def test_a_tag_that_names_code_is_not_run(write: Writes) -> None:
    (said,) = problems_of(write("id: !!python/object/apply:os.getcwd []\n"))
    assert said.startswith("rules/x.yaml:1: id: ")


def test_fields_can_be_shared_by_reference(write: Writes) -> None:
    text = "id: plan\ntargets:\n  - &first {code: a, at_least: 1}\n  - {<<: *first, code: b}\n"
    assert [target.code for target in load(write(text), Plan).targets] == ["a", "b"]


def test_a_check_after_loading_can_still_name_line_and_field(write: Writes) -> None:
    plan, lines = load_located(write(GOOD), Plan)
    assert plan.targets[1].code == "b"
    problem = lines.problem(("targets", 1, "code"), "no such code (see codes.yaml)")
    assert str(problem) == "rules/x.yaml:8: targets[1].code: no such code (see codes.yaml)"
    assert str(lines.problem(("targets", 0, "at_least"), "r")) == "rules/x.yaml:6: targets[0].at_least: r"
    assert str(lines.problem(("owners", "10966"), "r")) == "rules/x.yaml:10: owners.10966: r"
    assert str(lines.problem(("targets", 0, "unit"), "r")) == "rules/x.yaml:5: targets[0].unit: r"
    assert str(lines.problem((), "r")) == "rules/x.yaml:1: r"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_the_bytes_the_answer_is_rules_or_a_rule_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        load(path, Plan)
    except RuleError as refused:
        assert all(problem.line >= 1 for problem in refused.problems)
