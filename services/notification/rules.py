"""Alert rules, receivers and templates as data; a rule that names an unknown template is refused with its line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined
from pydantic import Field

from services.notification.domain import Rule
from shared.events.dossiers import DossierEvent
from shared.rules import RuleError, RuleModel, load, load_located

KNOWN_EVENTS = frozenset(
    {f"dossier.{event}" for event in DossierEvent}
    | {"plan.task_progressed", "plan.target_missed", "plan.target_met", "plan.report_due", "inspection.report_due"}
    | {f"report.{event}" for event in ("closed", "published", "restated", "unit_report_due", "unit_report_late")}
)


class RuleEntry(RuleModel):
    """One rule of the file."""

    id: str
    event: str
    where: dict[str, list[str | int | bool]] = Field(default_factory=dict)
    to: list[str] = Field(min_length=1)
    template: str
    urgency: Literal["normal", "high"] = "normal"


class RuleFile(RuleModel):
    """deploy/rules/alerts/rules.yaml."""

    rules: list[RuleEntry]


class Receivers(RuleModel):
    """Who is behind a role, by unit (`*` for every other one): addresses as apprise writes them."""

    receivers: dict[str, dict[str, list[str]]]


def load_rules(rules: Path) -> tuple[Rule, ...]:
    """Load and check the alert rules; raises `RuleError` with file, line and field."""
    parsed, lines = load_located(rules / "alerts" / "rules.yaml", RuleFile)
    problems = []
    for number, entry in enumerate(parsed.rules):
        if not (rules / "alerts" / "templates" / f"{entry.template}.j2").is_file():
            reason = f"unknown template {entry.template!r} (add deploy/rules/alerts/templates/{entry.template}.j2)"
            problems.append(lines.problem(("rules", number, "template"), reason))
        if entry.event not in KNOWN_EVENTS:
            reason = f"unknown event {entry.event!r} (known: {', '.join(sorted(KNOWN_EVENTS))})"
            problems.append(lines.problem(("rules", number, "event"), reason))
        if entry.id in {other.id for other in parsed.rules[:number]}:
            problems.append(
                lines.problem(("rules", number, "id"), f"{entry.id!r} stands twice (give each rule its own id)")
            )
    if problems:
        raise RuleError(problems)
    return tuple(
        Rule(id=one.id, event=one.event, to=tuple(one.to), template=one.template, urgency=one.urgency, where=one.where)
        for one in parsed.rules
    )


def load_receivers(path: Path | None) -> Mapping[str, Mapping[str, list[str]]]:
    """Receivers by unit and role; without a file nobody but the alert file hears."""
    return load(path, Receivers).receivers if path is not None else {}


class Wording:
    """Renders a template: its first line is the subject, the rest the text."""

    def __init__(self, rules: Path) -> None:
        # plain text for mails and phones: escaping would turn a Vietnamese quotation mark into an entity
        self._templates = Templates(
            loader=FileSystemLoader(rules / "alerts" / "templates"), undefined=StrictUndefined, autoescape=False
        )

    def render(self, template: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """(subject, text); raises jinja2's `UndefinedError` when an event lacks what the template names."""
        subject, _, body = self._templates.get_template(f"{template}.j2").render(**values).strip().partition("\n")
        return subject.strip(), body.strip()
