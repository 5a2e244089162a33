"""The targets of the plans, as far as a board needs them: a threshold is read where the plan states it, never typed again.

The inspection service's models judge the plan files; what they refuse never comes so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, Field

from shared.rules import RuleModel, load


@dataclass(frozen=True, kw_only=True)
class BoardTarget:
    """One target: whose it is, what it measures, and the percentage to reach (`None` while nobody has said one)."""

    id: str
    plan: str
    number: str
    unit: str
    title_vi: str
    measure: str
    at_least: int | None


class _Part(RuleModel):
    model_config = ConfigDict(extra="ignore")


class _Decision(_Part):
    at_least: int


class _Target(_Part):
    id: str
    measure: str
    at_least: int | None = None
    decision: _Decision | None = None


class _Item(_Part):
    title_vi: str
    targets: list[_Target] = Field(default_factory=list)


class _Task(_Part):
    items: list[_Item] = Field(default_factory=list)


class _Document(_Part):
    number: str


class _Plan(_Part):
    id: str
    kind: str
    unit: str
    document: _Document
    tasks: list[_Task] = Field(default_factory=list)


def load_targets(rules_root: Path) -> Mapping[str, BoardTarget]:
    """Every target of every plan by its id; raises `RuleError`."""
    return {
        target.id: BoardTarget(
            id=target.id,
            plan=plan.id,
            number=plan.document.number,
            unit=plan.unit,
            title_vi=item.title_vi,
            measure=target.measure,
            at_least=target.decision.at_least if target.decision else target.at_least,
        )
        for plan in (load(path, _Plan) for path in sorted((rules_root / "plans").glob("*.yaml")))
        for task in plan.tasks
        for item in task.items
        for target in item.targets
    }
