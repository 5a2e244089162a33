"""What a valid plan still leaves to a person: dates that do not exist, missing numbers, two rules for one thing."""

from __future__ import annotations

from pathlib import Path

from services.inspection.plans import Inspection, Plan, Schedule, load_plan
from shared.units import Units


def check_plan(path: Path, units: Units) -> list[str]:
    """What a person still has to decide or find about a valid plan; raises `RuleError` when it is not valid."""
    loaded = load_plan(path, units)
    return _findings(loaded) if isinstance(loaded, Plan) else _inspection_findings(loaded)


def _findings(plan: Plan) -> list[str]:
    found = [
        f"{plan.id}: attachment missing: {one['stated']}" for one in plan.attachments if one.get("status") == "missing"
    ]
    found += [f"{plan.id}: {one['number']}: {one['finding']}" for one in plan.legal_bases if "finding" in one]
    for task in plan.tasks:
        schedule = task.schedule
        if isinstance(schedule, Schedule) and not schedule.valid and schedule.decision is None:
            found.append(f"{task.id}: {schedule.stated} does not exist; proposed {schedule.proposed}, a person decides")
        found += [
            f"{item.id}: {item.schedule.finding}"
            for item in task.items
            if isinstance(item.schedule, Schedule) and item.schedule.finding and item.schedule.decision is None
        ]
    for _, target in plan.targets():
        if target.finding and target.decision is None:
            found.append(f"{target.id}: {target.finding}: {target.stated}")
    for name, group in plan.field_groups.items():
        if not group.fields:
            found.append(f"field group {name}: no field of the catalogue carries this name; it shows no value")
    found += [f"{rung['name']}: {rung['finding']}" for rung in plan.report_regime.get("rungs", ()) if "finding" in rung]
    return found


def _inspection_findings(of: Inspection) -> list[str]:
    found = []
    if of.objects.get("decision") is None:
        found.append(f"{of.objects['id']}: choose exactly {of.objects['choose']} of {', '.join(of.objects['from'])}")
    found += [
        f"{step['id']}: {len(step['candidates'])} deadlines in one plan, a person decides"
        for step in of.steps
        if step.get("candidates") and step.get("decision") is None
    ]
    found += [f"outline: printed numbering has no {gap}" for gap in of.outline.get("printed_gaps", ())]
    found += [
        f"{one['id']}: the outline asks for nothing about it"
        for one in of.contents
        if not one["outline"] and "partly" not in one
    ]
    return found
