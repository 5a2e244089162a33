"""Plan files: the two real ones as plans.md reads them, and mistakes written by hand, each refused where it stands."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.inspection.findings import check_plan
from services.inspection.plans import Inspection, Plan, load_plan, load_plans
from shared.rules import RuleError
from shared.settings import RULES
from shared.units import load_units

UNITS = load_units(RULES)
PLAN = """\
kind: plan
id: p-1
unit: "10966"
title_vi: Kế hoạch
document: {number: 1/KH-UBND}
period: {from: 2025-08-29, to: 2025-12-31}
schedules:
  tx: {kind: recurring, from: 2025-08-29, to: 2025-12-31}
agencies:
  ttpvhcc: {name_vi: Trung tâm}
tasks:
- id: A
  title_vi: Nhiệm vụ
  lead: [ttpvhcc]
  schedule: tx
  items:
  - id: A.1
    title_vi: Việc thứ nhất
    progress: measured
    targets:
    - {id: T1, measure: online_rate, at_least: 60}
    - {id: T2, measure: rated_rate, at_least: 50}
"""


def refusal(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(RuleError) as refused:
        load_plan(path, UNITS)
    assert {one.file for one in refused.value.problems} == {path.as_posix()}
    return [(one.line, one.field, one.reason) for one in refused.value.problems]


def test_the_plan_of_these_tests_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, "utf-8")
    assert check_plan(path, UNITS) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "field", "reason"),
    [
        ("measure: online_rate", "measure: onlin_rate", 21, "tasks[0].items[0].targets[0].measure", "unknown measure 'onlin_rate'"),
        ('unit: "10966"', 'unit: "10507"', 3, "unit", "no unit has the code '10507'"),
        ("at_least: 60", "at_least: 101", 21, "tasks[0].items[0].targets[0].at_least", "less than or equal to 100"),
        ("at_least: 60", "at_least: -1", 21, "tasks[0].items[0].targets[0].at_least", "greater than or equal to 0"),
        ("at_least: 60", "at_least: 60%", 21, "tasks[0].items[0].targets[0].at_least", "valid integer"),
        ("period: {from: 2025-08-29, to: 2025-12-31}", "period: {from: 2025-08-29, to: 2025-08-28}", 6, "period", "before it begins"),
        ("tx: {kind: recurring, from: 2025-08-29, to: 2025-12-31}", "tx: {kind: recurring, from: 2025-08-29, to: 2024-12-31}", 8, "schedules.tx", "before it begins"),
        ("period: {from: 2025-08-29, to: 2025-12-31}", "period: {from: 2025-08-29, to: 2025-11-31}", 6, "period.to", "no date"),
        ("id: T2", "id: T1", 22, "tasks[0].items[0].targets[1].id", "T1 stands twice"),
        ("id: A.1", "id: A", 17, "tasks[0].items[0].id", "A stands twice"),
        ("progress: measured", "progress: measured\n    owner: ai", 20, "tasks[0].items[0].owner", "not a field known here"),
        ("at_least: 60", "filter: {fields: [Hộ tịch]}, at_least: 60", 21, "tasks[0].items[0].targets[0].filter.fields", "not a field known here"),
        ("at_least: 60", "filter: {field_group: [dat-dai]}, at_least: 60", 21, "tasks[0].items[0].targets[0].filter", "unknown field group 'dat-dai'"),
        ("lead: [ttpvhcc]", "lead: [ttpvhc]", 14, "tasks[0].lead[0]", "unknown agency 'ttpvhc'"),
        ("schedule: tx", "schedule: ty", 15, "tasks[0].schedule", "unknown schedule 'ty'"),
        ("progress: measured", "progress: measured\n    schedule: ty", 20, "tasks[0].items[0].schedule", "unknown schedule 'ty'"),
    ],
)  # fmt: skip
def test_a_mistaken_plan_is_refused_with_line_and_field(
    right: str, wrong: str, line: int, field: str, reason: str, tmp_path: Path
) -> None:
    assert right in PLAN
    ((at, named, said),) = refusal(tmp_path, PLAN.replace(right, wrong, 1))
    assert (at, named) == (line, field)
    assert reason in said


def test_the_31st_of_september_is_refused_as_a_date_and_kept_as_stated_with_a_proposal(tmp_path: Path) -> None:
    stated = PLAN.replace("  schedule: tx\n", '  schedule: {kind: by_date, stated: "31/9/2025"}\n')
    ((line, field, reason),) = refusal(tmp_path, stated)
    assert line == 15 and field.startswith("tasks[0].schedule") and "31/9/2025 does not exist" in reason
    due = PLAN.replace("  schedule: tx\n", "  schedule: {kind: by_date, due: 2025-09-31}\n")
    assert any(line == 15 and "2025-09-31 is no date" in reason for line, _, reason in refusal(tmp_path, due))
    path = tmp_path / "decided.yaml"
    kept = '  schedule: {kind: by_date, stated: "31/9/2025", valid: false, proposed: 2025-09-30}\n'
    path.write_text(PLAN.replace("  schedule: tx\n", kept), "utf-8")
    assert check_plan(path, UNITS) == ["A: 31/9/2025 does not exist; proposed 2025-09-30, a person decides"]


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "plans" / name).write_text(PLAN, "utf-8")
    with pytest.raises(RuleError, match=r"b\.yaml:1: id: p-1 is the plan of a\.yaml already"):
        load_plans(tmp_path, UNITS)


EVERY = None
BY_PLANS_MD = [
    # plans.md, A.6: id, item, measure, fields, at least, assumed
    ("BG-T1", "BG-4.2", "one_stop_procedure_rate", EVERY, 100, False),
    ("BG-T2", "BG-4.3", "on_time_rate", EVERY, 100, False),
    ("BG-T3", "BG-4.6", "brand_identity_rate", EVERY, 100, False),
    ("BG-T4", "BG-4.8", "satisfaction_rate", EVERY, 90, False),
    ("BG-T5", "BG-4.8", "satisfaction_rate", ["Đất đai", "Tài chính đất đai", "Hoạt động xây dựng", "Quản lý chất lượng công trình xây dựng"], 85, False),
    ("BG-T6", "BG-6.1", "online_rate", EVERY, None, False),
    ("BG-T7", "BG-6.2", "online_payment_rate", EVERY, 60, False),
    ("BG-T8", "BG-6.3a", "digitised_input_rate", EVERY, 100, False),
    ("BG-T9", "BG-6.3b", "digitised_result_rate", EVERY, 100, False),
    ("BG-T10", "BG-6.3c", "e_result_rate", EVERY, 100, False),
    ("BG-T11", "BG-6.4", "certified_e_copy_rate", EVERY, 80, False),
    ("BG-T12", "BG-6.5", "certified_e_copy_rate", EVERY, None, False),
    ("BG-T13", "BG-6.8", "e_system_rate", EVERY, 100, False),
    ("BG-T14", "BG-11.1", "apology_rate", EVERY, 100, True),
    ("BG-T15", "BG-12.3", "report_on_time_rate", EVERY, 100, True),
]  # fmt: skip


def test_binh_giang_asks_for_exactly_the_fifteen_targets_of_its_plan() -> None:
    plan = load_plan(RULES / "plans" / "10966-kstthc-2025.yaml", UNITS)
    assert isinstance(plan, Plan)
    found = [
        (target.id, item.id, target.measure, plan.fields_of(target), target.threshold, target.assumed)
        for item, target in plan.targets()
    ]
    assert found == BY_PLANS_MD
    assert [one.id for _, one in plan.targets() if one.trend == "up"] == ["BG-T12"]
    assert (plan.period.begin, plan.period.end) == (date(2025, 8, 29), date(2025, 12, 31))
    assert [(one.name, one.begin, one.end) for one in plan.period.also_shown if one.begin] == [
        ("report_year", date(2025, 7, 1), date(2025, 12, 14)),
        ("half_year", date(2025, 7, 1), date(2025, 12, 31)),
    ]
    # plans.md, A.5: 55 rows with BG-8.1 counted as nine
    moved = [item.progress for task in plan.tasks for item in task.items]
    assert len(moved) == 55
    assert [task.id for task in plan.tasks] == [f"BG-{number}" for number in range(1, 13)]


def test_thanh_dong_asks_for_figures_and_sets_no_target() -> None:
    plan = load_plan(RULES / "plans" / "10510-cchc-2025.yaml", UNITS)
    assert isinstance(plan, Inspection)
    assert [step["id"] for step in plan.steps] == [f"TD-S{number}" for number in range(1, 15)]
    filled = [item["fill"] for section in plan.outline["sections"] for item in section["items"]]
    # plans.md, B.5: of 42 items eleven fill themselves, seven are mixed, 24 are the unit's own words
    assert {fill: filled.count(fill) for fill in ("auto", "mixed", "text")} == {"auto": 11, "mixed": 7, "text": 24}
