"""Plans as data: models of the two kinds of plan files, and everything that a person still has to decide about them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from shared.measures import KNOWN
from shared.rules import Lines, RuleError, RuleModel, RuleProblem, load_located
from shared.units import Units

_PRINTED_DATE = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4})$")


class DecidedNumber(RuleModel):
    """A threshold that the plan leaves open and somebody has given since, with the document that says so."""

    at_least: int = Field(ge=0, le=100)
    document: str
    by: str
    at: date


class TargetFilter(RuleModel):
    """Which dossiers a target counts; all of them by default."""

    field_group: list[str] | None = None
    rung: str | None = None


class Target(RuleModel):
    """A measure, a filter and a threshold in percent; `stated` is what the plan prints."""

    id: str
    measure: str
    filter: TargetFilter = TargetFilter()
    at_least: int | None = Field(default=None, ge=0, le=100)
    stated: str | None = None
    assumed: bool = False
    trend: Literal["up"] | None = None
    compared_with: Literal["previous_report_quarter"] | None = None
    finding: str | None = None
    decision: DecidedNumber | None = None
    scan: str | None = None
    shown: list[str] = Field(default_factory=list)
    overrides: str | None = None

    @property
    def threshold(self) -> int | None:
        """The percentage to reach: the plan's own, or the one decided since; `None` while nobody has said one."""
        return self.decision.at_least if self.decision is not None else self.at_least


class Schedule(RuleModel):
    """When something is due; a stated date that does not exist never becomes one, it waits for a person."""

    kind: Literal["recurring", "by_date", "event", "periodic"]
    stated: str | None = None
    stated_text: str | None = None
    valid: bool = True
    proposed: date | None = None
    boundary: Literal["inclusive", "exclusive"] | None = None
    alternatives: list[date] = Field(default_factory=list)
    decision: Any = None
    begin: date | None = Field(default=None, alias="from")
    end: date | None = Field(default=None, alias="to")
    overdue: str | None = None
    trigger: str | None = None
    regime: str | None = None
    due: date | None = None
    assumed: bool = False
    finding: str | None = None

    @model_validator(mode="after")
    def _stated_date_exists(self) -> Self:
        undecided = self.valid or self.proposed is None
        if self.kind == "by_date" and self.stated and not _exists(self.stated) and undecided:
            raise ValueError(
                f"the stated date {self.stated} does not exist; keep it as `stated`, set `valid: false` and give a"
                " `proposed` date, and leave the decision to a person"
            )
        return self

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.begin and self.end and self.end < self.begin:
            raise ValueError(f"ends on {self.end}, before it begins on {self.begin} (correct `from` or `to`)")
        return self


# told apart by hand: pydantic would try both, and say of a wrong date that it is no text either
When = Annotated[
    Annotated[str, Tag("name")] | Annotated[Schedule, Tag("schedule")],
    Discriminator(lambda value: "name" if isinstance(value, str) else "schedule"),
]
"""The name of one of the plan's schedules, or a schedule of its own."""


class Item(RuleModel):
    """One action of a task: moved by figures, by evidence, or by both."""

    id: str
    title_vi: str
    progress: Literal["measured", "mixed", "evidence"]
    evidence: list[str] = Field(default_factory=list)
    statistics: list[str] = Field(default_factory=list)
    targets: list[Target] = Field(default_factory=list)
    schedule: When | None = None
    same_as: str | None = None
    actor: str | None = None
    to: str | None = None
    note: str | None = None
    doubt: str | None = None


class Task(RuleModel):
    """A group of the plan: who leads, who helps, the product, the time."""

    id: str
    title_vi: str
    lead: list[str]
    lead_assumed: bool = False
    coordinating: list[str] = Field(default_factory=list)
    coordinating_label: str | None = None
    product_vi: list[str] = Field(default_factory=list)
    product_open: bool = False
    product_assumed: bool = False
    schedule: When
    items: list[Item]


class ShownPeriod(RuleModel):
    """Days that are shown beside the plan's own; without days the report quarters, which have their own rules."""

    name: str
    begin: date | None = Field(default=None, alias="from")
    end: date | None = Field(default=None, alias="to")


class PlanPeriod(RuleModel):
    """The days of the plan, both inclusive."""

    begin: date = Field(alias="from")
    end: date = Field(alias="to")
    stated: str | None = None
    assumed: bool = False
    also_shown: list[ShownPeriod] = Field(default_factory=list)

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        days = [(self.begin, self.end), *((one.begin, one.end) for one in self.also_shown)]
        for begin, end in days:
            if begin and end and end < begin:
                raise ValueError(f"ends on {end}, before it begins on {begin} (correct `from` or `to`)")
        return self


class FieldGroup(RuleModel):
    """Fields of the catalogue that a plan's word means."""

    title_vi: str
    fields: list[str]
    assumed: bool = False
    note: str | None = None


class Plan(RuleModel):
    """A plan of tasks and targets."""

    kind: Literal["plan"]
    id: str
    unit: str
    title_vi: str
    document: dict[str, Any]
    period: PlanPeriod
    legal_bases: list[dict[str, Any]] = Field(default_factory=list)
    attachments: list[dict[str, Any]] = Field(default_factory=list)
    purposes: list[dict[str, Any]] = Field(default_factory=list)
    requirements: list[dict[str, Any]] = Field(default_factory=list)
    schedules: dict[str, Schedule]
    tasks: list[Task]
    report_regime: dict[str, Any] = Field(default_factory=dict)
    budget: dict[str, Any] = Field(default_factory=dict)
    responsibilities: list[dict[str, Any]] = Field(default_factory=list)
    recipients: list[str] = Field(default_factory=list)
    agencies: dict[str, dict[str, Any]]
    agency_groups: dict[str, dict[str, Any]] = Field(default_factory=dict)
    field_groups: dict[str, FieldGroup] = Field(default_factory=dict)

    def targets(self) -> Iterator[tuple[Item, Target]]:
        """Every target with the item that asks for it."""
        return ((item, target) for task in self.tasks for item in task.items for target in item.targets)

    def schedule_of(self, task: Task, item: Item | None = None) -> Schedule:
        """When a task, or an item with a time of its own, is due."""
        found = (item and item.schedule) or task.schedule
        return self.schedules[found] if isinstance(found, str) else found

    def fields_of(self, target: Target) -> list[str] | None:
        """The fields that a target counts; `None` for all, an empty list for a word that no field carries."""
        groups = target.filter.field_group
        if groups is None:
            return None
        return [name for group in groups for name in self.field_groups[group].fields]

    def rows_of(self, target: Target) -> list[str] | None:
        """What a target's measure counts: rows of these fields, or owed reports of this rung; `None` for all."""
        return [target.filter.rung] if target.filter.rung is not None else self.fields_of(target)


class Inspection(RuleModel):
    """A plan of inspections: objects, window, kinds, steps and the outline of the units' reports."""

    kind: Literal["inspection"]
    id: str
    unit: str
    title_vi: str
    document: dict[str, Any]
    legal_bases: list[dict[str, Any]] = Field(default_factory=list)
    references: list[dict[str, Any]] = Field(default_factory=list)
    purposes: list[dict[str, Any]] = Field(default_factory=list)
    requirements: list[dict[str, Any]] = Field(default_factory=list)
    objects: dict[str, Any]
    data_window: dict[str, Any]
    place: dict[str, Any]
    time_window: dict[str, Any]
    kinds: list[dict[str, Any]]
    contents: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    responsibilities: list[dict[str, Any]] = Field(default_factory=list)
    budget: dict[str, Any] = Field(default_factory=dict)
    recipients: list[str] = Field(default_factory=list)
    outline: dict[str, Any]
    agencies: dict[str, dict[str, Any]]


def _exists(printed: str) -> bool:
    found = _PRINTED_DATE.match(printed.strip())
    if found is None:
        return False
    day, month, year = map(int, found.groups())
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def load_plan(path: Path, units: Units) -> Plan | Inspection:
    """Load one plan file of either kind; raises `RuleError` with file, line and field."""
    text = path.read_text("utf-8") if path.is_file() else ""
    if re.search(r"^kind:\s*inspection\s*$", text, re.MULTILINE):
        inspection, lines = load_located(path, Inspection)
        _refuse([*_wrong_unit(inspection, units, lines), *_wrong_statistics(inspection, lines)])
        return inspection
    plan, lines = load_located(path, Plan)
    problems = (_wrong_unit(plan, units, lines), _wrong_measures(plan, lines), _wrong_names(plan, lines))
    _refuse([*(one for found in problems for one in found), *_twice(plan, lines)])
    return plan


def load_plans(rules: Path, units: Units) -> tuple[list[Plan], list[Inspection]]:
    """Every plan file of the rules folder; raises `RuleError`, also when two files carry the same id."""
    loaded, seen = list[Plan | Inspection](), dict[str, Path]()
    for path in sorted((rules / "plans").glob("*.yaml")):
        one = load_plan(path, units)
        if one.id in seen:
            reason = f"{one.id} is the plan of {seen[one.id].name} already (give each plan its own id)"
            raise RuleError([RuleProblem(path.as_posix(), 1, "id", reason)])
        seen[one.id] = path
        loaded.append(one)
    plans = [one for one in loaded if isinstance(one, Plan)]
    return plans, [one for one in loaded if isinstance(one, Inspection)]


def _refuse(problems: Iterable[Any]) -> None:
    if found := list(problems):
        raise RuleError(found)


def _wrong_unit(of: Plan | Inspection, units: Units, lines: Lines) -> Iterator[Any]:
    if of.unit not in units:
        yield lines.problem(("unit",), f"no unit has the code {of.unit!r} (five digits, in quotes)")


def _wrong_measures(plan: Plan, lines: Lines) -> Iterator[Any]:
    for t, task in enumerate(plan.tasks):
        for i, item in enumerate(task.items):
            at: tuple[str | int, ...] = ("tasks", t, "items", i)
            for n, target in enumerate(item.targets):
                if target.measure not in KNOWN:
                    yield lines.problem((*at, "targets", n, "measure"), _unknown_measure(target.measure))
            for n, name in enumerate(item.statistics):
                if name not in KNOWN:
                    yield lines.problem((*at, "statistics", n), _unknown_measure(name))


def _wrong_statistics(inspection: Inspection, lines: Lines) -> Iterator[Any]:
    for s, section in enumerate(inspection.outline.get("sections", ())):
        for i, item in enumerate(section.get("items", ())):
            for n, one in enumerate(item.get("statistics", ())):
                if one.get("measure") not in KNOWN:
                    at = ("outline", "sections", s, "items", i, "statistics", n, "measure")
                    yield lines.problem(at, _unknown_measure(one.get("measure")))


def _unknown_measure(name: object) -> str:
    return f"unknown measure {name!r} (define it in shared/measures.py or correct the name)"


def _wrong_names(plan: Plan, lines: Lines) -> Iterator[Any]:
    known = {*plan.agencies, *plan.agency_groups}
    for t, task in enumerate(plan.tasks):
        for role in ("lead", "coordinating"):
            for n, slug in enumerate(getattr(task, role)):
                if slug not in known:
                    yield lines.problem(
                        ("tasks", t, role, n), f"unknown agency {slug!r} (known: {', '.join(sorted(known))})"
                    )
        if isinstance(task.schedule, str) and task.schedule not in plan.schedules:
            yield lines.problem(
                ("tasks", t, "schedule"), f"unknown schedule {task.schedule!r} (add it under `schedules`)"
            )
        for i, item in enumerate(task.items):
            if isinstance(item.schedule, str) and item.schedule not in plan.schedules:
                at_item = ("tasks", t, "items", i, "schedule")
                yield lines.problem(at_item, f"unknown schedule {item.schedule!r} (add it under `schedules`)")
            for n, target in enumerate(item.targets):
                for group in target.filter.field_group or ():
                    if group not in plan.field_groups:
                        at = ("tasks", t, "items", i, "targets", n, "filter")
                        yield lines.problem(at, f"unknown field group {group!r} (add it under `field_groups`)")


def _twice(plan: Plan, lines: Lines) -> Iterator[Any]:
    """Tasks, items and targets share one space of ids: evidence and figures are kept by them."""
    seen = set[str]()
    for t, task in enumerate(plan.tasks):
        named: list[tuple[str, tuple[str | int, ...]]] = [(task.id, ("tasks", t, "id"))]
        for i, item in enumerate(task.items):
            named.append((item.id, ("tasks", t, "items", i, "id")))
            named += [
                (target.id, ("tasks", t, "items", i, "targets", n, "id")) for n, target in enumerate(item.targets)
            ]
        for name, at in named:
            if name in seen:
                yield lines.problem(at, f"{name} stands twice (give each its own id)")
            seen.add(name)
