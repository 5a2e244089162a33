"""What a form reads of a plan file: its targets and its groups of fields, so that form and plan cannot disagree.

The plan is the inspection service's to check as a whole; here the rest of the file is passed over.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Decided(_Read):
    """A threshold that the plan leaves open and somebody has given since."""

    at_least: int


class Target(_Read):
    """A measure, its filter and the threshold in percent."""

    id: str
    measure: str
    filter: dict[str, Any] = Field(default_factory=dict)
    at_least: int | None = None
    decision: Decided | None = None
    trend: str | None = None
    stated: str | None = None
    assumed: bool = False

    @property
    def threshold(self) -> int | None:
        return self.decision.at_least if self.decision else self.at_least


class Item(_Read):
    targets: list[Target] = Field(default_factory=list)


class Task(_Read):
    items: list[Item] = Field(default_factory=list)


class FieldGroup(_Read):
    fields: list[str]


class PlanTargets(_Read):
    """The targets of a plan file, by id, and its groups of fields."""

    tasks: list[Task] = Field(default_factory=list)
    field_groups: dict[str, FieldGroup] = Field(default_factory=dict)

    def target(self, name: str) -> Target | None:
        return next((one for task in self.tasks for item in task.items for one in item.targets if one.id == name), None)

    @property
    def targets(self) -> list[Target]:
        return [one for task in self.tasks for item in task.items for one in item.targets]
