"""Alert rules, receivers and templates as data; whatever a rule names and nobody knows is refused with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined, TemplateSyntaxError, meta, nodes
from pydantic import Field

from services.notification.domain import Rule
from services.notification.senders import is_understood, kind_of
from shared.events.dossiers import DossierEvent, Snapshot, State
from shared.events.petition_snapshots import PetitionEvent, PetitionSnapshot, PetitionState
from shared.events.said import SAID
from shared.rules import Lines, RuleError, RuleModel, RuleProblem, load_located
from shared.units import Units

ALARM_FIELDS = frozenset(["unit", "alarm", "severity", "about", "summary", "runbook", "since"])
HEARD = ("plan.", "report.", "source.")
"""Events of these families are named with the fields of their data; those of snapshots with two shapes."""
Shapes = tuple[type[msgspec.Struct], type[msgspec.Struct]]
OF_DOSSIER: Shapes = (Snapshot, State)
OF_PETITION: Shapes = (PetitionSnapshot, PetitionState)
KNOWN_EVENTS: Mapping[str, frozenset[str] | Shapes] = {
    **{f"dossier.{event}": OF_DOSSIER for event in DossierEvent},
    **{f"petition.{event}": OF_PETITION for event in PetitionEvent},
    **{
        event: frozenset(one.encode_name for one in msgspec.structs.fields(shape))
        for event, shape in SAID.items()
        if event.startswith(HEARD)
    },
    "alarm.firing": ALARM_FIELDS,
    "alarm.resolved": ALARM_FIELDS | {"until"},
}
"""Events that a rule may name, with the fields of their data, or the shapes of the snapshot and of what changed."""
TEMPLATE_VALUES = frozenset({"event", "data", "unit_name", "at", "day"})


class RuleEntry(RuleModel):
    """One rule of the file; `digest` gathers a day's alerts into one message on the next working morning."""

    id: str
    event: str
    where: dict[str, list[str | int | bool]] = Field(default_factory=dict)
    to: list[str] = Field(min_length=1)
    template: str
    urgency: Literal["normal", "high", "digest"] = "normal"


class RuleFile(RuleModel):
    """deploy/rules/alerts/rules.yaml: the roles that may be told, by slug, and the rules."""

    roles: dict[str, str]
    rules: list[RuleEntry]


class Receivers(RuleModel):
    """Who is behind a role, by unit (`*` for every other one): addresses as apprise writes them."""

    receivers: dict[str, dict[str, list[str]]]


def load_rules(rules: Path) -> tuple[Rule, ...]:
    """Load and check the alert rules and their templates; raises `RuleError` with file, line and field."""
    parsed, lines = _load(rules)
    problems = [problem for number in range(len(parsed.rules)) for problem in _wrong(parsed, number, lines, rules)]
    if problems:
        raise RuleError(problems)
    return tuple(
        Rule(id=one.id, event=one.event, to=tuple(one.to), template=one.template, urgency=one.urgency, where=one.where)
        for one in parsed.rules
    )


def _load(rules: Path) -> tuple[RuleFile, Lines]:
    return load_located(rules / "alerts" / "rules.yaml", RuleFile)


def _wrong(file: RuleFile, number: int, lines: Lines, rules: Path) -> Iterator[RuleProblem]:
    entry, at = file.rules[number], ("rules", number)
    if entry.id in {other.id for other in file.rules[:number]}:
        yield lines.problem((*at, "id"), f"{entry.id!r} stands twice (give each rule its own id)")
    for place, role in enumerate(entry.to):
        if role not in file.roles:
            yield lines.problem((*at, "to", place), f"unknown role {role!r} (known: {', '.join(file.roles)})")
    if entry.event not in KNOWN_EVENTS:
        yield lines.problem((*at, "event"), f"unknown event {entry.event!r} (known: {', '.join(sorted(KNOWN_EVENTS))})")
        return
    for path in entry.where:
        if not _is_known(entry.event, path.split(".")):
            reason = f"{entry.event} has no field {path!r} (correct its name; see the event's schema)"
            yield lines.problem((*at, "where", path), reason)
    template = rules / "alerts" / "templates" / f"{entry.template}.j2"
    if not template.is_file():
        reason = f"unknown template {entry.template!r} (add deploy/rules/alerts/templates/{entry.template}.j2)"
        yield lines.problem((*at, "template"), reason)
    else:
        yield from _wrong_template(template, entry.event)


def _is_known(event: str, path: list[str]) -> bool:
    fields = KNOWN_EVENTS[event]
    if isinstance(fields, frozenset):
        return path[0] in fields
    of_snapshot, of_state = (set(shape.__struct_fields__) for shape in fields)
    if path[:2] == ["snapshot", "state"]:
        return len(path) == 2 or path[2] in of_state
    if path[0] == "snapshot":
        return len(path) == 1 or path[1] in of_snapshot
    return path[0] == "changed" and (len(path) == 1 or path[1] in of_state)


def _wrong_template(path: Path, event: str) -> Iterator[RuleProblem]:
    """A name that the event cannot have would fail only when somebody has to be told."""
    file = path.as_posix()
    try:
        tree = Templates().parse(path.read_text("utf-8"))
    except TemplateSyntaxError as error:
        yield RuleProblem(file, error.lineno, "", f"is not a template: {error.message} (correct it)")
        return
    for name in sorted(meta.find_undeclared_variables(tree) - TEMPLATE_VALUES):
        known = ", ".join(sorted(TEMPLATE_VALUES))
        yield RuleProblem(file, 1, name, f"is not a value of templates (known: {known})")
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        named = _path(node)
        if named and not _is_known(event, named):
            yield RuleProblem(file, node.lineno, ".".join(named), f"{event} has no such field (correct its name)")


def _path(node: nodes.Node) -> list[str] | None:
    """`data.changed.due_at` → [changed, due_at]; nothing for what does not start at `data`, or a method of it."""
    if isinstance(node, nodes.Name):
        return [] if node.name == "data" else None
    if isinstance(node, nodes.Getattr):
        before, name = _path(node.node), node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        before, name = _path(node.node), str(node.arg.value)
    else:
        return None
    return None if before is None else [*before, name]


def load_receivers(path: Path | None, rules: Path, units: Units) -> Mapping[str, Mapping[str, list[str]]]:
    """Receivers by unit and role; without a file nobody but the alert file hears. Raises `RuleError`.

    A mistyped role or unit would be silence; a mistyped address would be noticed by the first alert that it loses.
    """
    if path is None:
        return {}
    (parsed, lines), roles = load_located(path, Receivers), _load(rules)[0].roles
    problems = []
    for unit, by_role in parsed.receivers.items():
        if unit != "*" and unit not in units:
            problems.append(lines.problem(("receivers", unit), f"unknown unit {unit!r} (a five-digit code, or '*')"))
        for role, addresses in by_role.items():
            at = ("receivers", unit, role)
            if role not in roles:
                problems.append(lines.problem(at, f"unknown role {role!r} (known: {', '.join(roles)})"))
            problems += [
                lines.problem((*at, place), f"unknown kind of address {kind_of(address)!r} (write it as apprise does)")
                for place, address in enumerate(addresses)
                if not is_understood(address)
            ]
    if problems:
        raise RuleError(problems)
    return parsed.receivers


class Wording:
    """Renders a template: its first line is the subject, the rest the text."""

    def __init__(self, rules: Path) -> None:
        # plain text for mails and phones: escaping would turn a Vietnamese quotation mark into an entity
        self._templates = Templates(
            loader=FileSystemLoader(rules / "alerts" / "templates"), undefined=StrictUndefined, autoescape=False
        )

    def render(self, template: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """(subject, text); raises jinja2's `UndefinedError` when an event lacks what the template names."""
        data = values["data"]
        if "snapshot" in data:  # what nobody has said yet is absent on the wire; templates see it as none
            snapshot = data["snapshot"]
            names = (PetitionState if "petition" in snapshot else State).__struct_fields__
            state = {**dict.fromkeys(names), **snapshot["state"]}
            changed = {**dict.fromkeys(names), **data.get("changed", {})}
            data = {**data, "snapshot": {**snapshot, "state": state}, "changed": changed}
        text = self._templates.get_template(f"{template}.j2").render(**{**values, "data": data})
        subject, _, body = text.strip().partition("\n")
        return subject.strip(), body.strip()
