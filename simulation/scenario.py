"""What a simulated centre is like: its procedures, its habits, the faults of its feed. All of it is data from one YAML file."""

from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

Share = Annotated[float, Field(ge=0, le=1)]
Channel = Literal["direct", "online", "post"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Course(_Part):
    """A share that moves in a straight line from the first to the last day of the scenario and stays there."""

    start: Share
    end: Share

    def at(self, progress: float) -> float:
        return self.start + (self.end - self.start) * progress


def _course(value: Any) -> Any:
    if isinstance(value, int | float):
        return {"start": value, "end": value}
    if isinstance(value, list | tuple) and len(value) == 2:
        return {"start": value[0], "end": value[1]}
    return value


Moving = Annotated[Course, BeforeValidator(_course)]
"""Written as one share (`0.93`) or as two (`[0.20, 0.45]`)."""


class Procedure(_Part):
    """One procedure of daily work and how it usually goes."""

    code: str
    name: str
    field: str
    agency: str
    limit: Annotated[int, Field(ge=0)]
    """Working days; 0 = the same day, taken in too late for that → the next working day."""
    limit_online: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(gt=0)]
    """Its weight among all procedures before the unit's own mix."""
    online: Share = 1.0
    """How willingly it is filed online, against the unit's share; 0 where that is not offered."""
    post: bool = True
    level: Literal["full", "partial", "none"] = "full"
    fee: bool = False
    applicant: Literal["citizen", "business"] = "citizen"
    supplement: Share = 0.04
    payment: Share = 0.0
    """Share that waits for a financial duty (tax, land use fee) before the result."""
    late: Annotated[float, Field(ge=0)] = 1.0
    """How much more often than usual it is late."""
    certified_copy: bool = False
    """Certifies copies from the original: every completed dossier is a paper or an electronic one."""
    inter_agency: bool = False

    def limit_of(self, channel: Channel) -> int:
        return self.limit_online if channel == "online" and self.limit_online is not None else self.limit


class Profile(_Part):
    """One unit: how much comes in, which work it is, how well it is done."""

    name: str
    code: str
    """Agency part of its dossier codes; invented."""
    per_day: Annotated[float, Field(gt=0)]
    """Dossiers of an average working day at the start of the scenario."""
    growth: Annotated[float, Field(ge=-0.9)]
    """By how much that is more at the end (0.2 = a fifth)."""
    petitions_per_day: Annotated[float, Field(ge=0, lt=2)]
    """Petitions of a working day."""
    mix: dict[str, Annotated[float, Field(ge=0)]]
    """Weights of fields; a field that is absent weighs 1."""
    online: Moving
    paid_online: dict[Literal["online", "counter"], Moving]
    late: Moving
    apology: Moving
    satisfied: Moving
    satisfied_in: dict[str, Moving]
    digitised_input: Moving
    digitised_result: Moving
    e_result: Moving
    certified_e_copy: Moving


class Life(_Part):
    """What happens to dossiers, as shares; the same in every unit."""

    nonworking_day: Share
    """Online filings of a day off against all of a working day."""
    evening: Share
    intake_late: Share
    post: Share
    random_code: Share
    refused: Share
    cross_boundary: Share
    reused_data: Share
    wrong_facts: Share
    early: Share
    stuck: Share
    withdrawn: Share
    returned: Share
    stopped: Share
    unanswered: Share
    unanswered_ended: Share
    apology_before_due: Share
    never_collected: Share
    postal_return: Share
    reopened: Share
    rated: Share
    satisfied_when_late: Share
    """Factor on the unit's share of satisfied ratings."""
    rush_late: Annotated[float, Field(ge=1)]


class Habits(_Part):
    """What happens to petitions, as shares; the same in every unit."""

    fields: Annotated[list[str], Field(min_length=1)]
    agencies: Annotated[list[str], Field(min_length=1)]
    reasons: Annotated[list[Literal["out_of_scope", "anonymous", "not_vietnamese"]], Field(min_length=1)]
    """Why one is not taken up."""
    rejected: Share
    wrong_field: Share
    """Taken in under another field, corrected days later."""
    staff: Share
    """About the conduct of officials, not about rules."""
    complex: Share
    late_transfer: Share
    late_answer: Share
    never_answered: Share
    published: Share
    rated: Share
    satisfied: Share
    reopened: Share
    """Of those whose sender was not satisfied."""


class Rush(_Part):
    """Days before a report closes, when more becomes late."""

    begin: date
    end: date


class Reason(_Part):
    code: str
    text: str


class Reasons(_Part):
    """What officers write; never anything personal."""

    late: list[Reason]
    supplement: list[Reason]
    payment: list[Reason]
    refused: list[Reason]
    returned: list[Reason]
    stopped: list[Reason]
    withdrawn: list[Reason]
    corrected: list[Reason]
    reopened: list[Reason]


class Outage(_Part):
    """The feed of one unit is silent from `begin` to `end`; what happened meanwhile is said in a burst afterwards."""

    unit: str
    begin: AwareDatetime
    end: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("an outage ends after it begins")
        return self

    def said(self, instant: datetime, burst_ratio: float) -> datetime:
        """When something is said that would have been said at `instant`; keeps the order."""
        if not self.begin <= instant < self.end:
            return instant
        return self.end + (instant - self.begin) * burst_ratio


class Feed(_Part):
    """Faults of a real feed, as shares of all statements."""

    duplicated: Share
    late: Share
    very_late: Share
    """Among the late ones: by more than five days."""
    overtaken: Share
    """Said some minutes after their neighbours."""
    burst_ratio: Annotated[float, Field(gt=0, lt=1)]
    """Length of the burst after an outage against the outage."""
    outages: list[Outage]


class Scenario(_Part):
    """Everything that `simulate` needs to know about a world, validated."""

    id: str
    title: str
    province: str
    begin: date
    end: date
    """Growth and moving shares run from `begin` to `end`; a simulation may lie outside."""
    due_time: time
    same_day_until: time
    rushes: list[Rush]
    life: Life
    petitions: Habits
    feed: Feed
    units: dict[str, Profile]
    reasons: Reasons
    procedures: Annotated[list[Procedure], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("a scenario ends after it begins")
        codes = [procedure.code for procedure in self.procedures]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"procedures listed twice: {', '.join(twice)}")
        fields = {procedure.field for procedure in self.procedures}
        for unit, profile in self.units.items():
            if unknown := sorted((set(profile.mix) | set(profile.satisfied_in)) - fields):
                raise ValueError(f"unit {unit} names fields that no procedure has: {', '.join(unknown)}")
        return self

    def progress(self, day: date) -> float:
        """How far the scenario is on this day, 0 to 1."""
        return min(1.0, max(0.0, (day - self.begin).days / (self.end - self.begin).days))

    def is_rush(self, day: date) -> bool:
        return any(rush.begin <= day <= rush.end for rush in self.rushes)


class UnknownUnit(LookupError):
    def __init__(self, unit: str, scenario: Scenario) -> None:
        super().__init__(f"unit {unit} has no profile in scenario {scenario.id}; it knows {', '.join(scenario.units)}")


def load_scenario(path: Path) -> Scenario:
    """Read and validate one scenario; raises `pydantic.ValidationError` naming the field at fault."""
    return Scenario.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
