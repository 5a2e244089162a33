"""What a petition is: a fold over the set of its statements, and two deadlines (domain.md §6).

Order of arrival does not matter, a statement counts once, and time is an argument. Dates are compared, never times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.dossier.domain import overdue_from
from services.dossier.petitions.rules import Deadline, Terms
from shared.events.dossiers import Step
from shared.events.petition_snapshots import PetitionEvent, PetitionSnapshot, PetitionState
from shared.events.petitions import PETITION_RANK, PREFIX, PetitionFacts, PetitionKind, PetitionStatement
from shared.localtime import local_date

SETTLES = {PetitionKind.REJECTED, PetitionKind.ANSWERED}
CHECKS = {PetitionKind.TRANSFERRED, PetitionKind.PROCESSING, *SETTLES}
"""What the transfer deadline asks for: somebody has looked at it and knows whose it is."""
PROGRESS = {PetitionKind.CLASSIFIED, PetitionKind.TRANSFERRED, PetitionKind.PROCESSING}

MARK_OF: dict[PetitionKind, tuple[str, PetitionEvent]] = {
    PetitionKind.RECEIVED: ("received_at", PetitionEvent.RECEIVED),
    PetitionKind.REJECTED: ("settled_at", PetitionEvent.REJECTED),
    PetitionKind.TRANSFERRED: ("transferred_at", PetitionEvent.TRANSFERRED),
    PetitionKind.ANSWERED: ("settled_at", PetitionEvent.ANSWERED),
    PetitionKind.PUBLISHED: ("published_at", PetitionEvent.PUBLISHED),
    PetitionKind.RATED: ("rated_at", PetitionEvent.RATED),
    PetitionKind.REOPENED: ("reopenings", PetitionEvent.REOPENED),
}
"""The event of a kind, and the value that has to change for it: what changes nothing is not said again."""

_OWN_RULE = {"received_at", "satisfied", "reason_code"}
_PLAIN_FACTS = tuple(name for name in PetitionFacts.__struct_fields__ if name not in _OWN_RULE)


@dataclass(frozen=True, kw_only=True)
class Folded:
    """A petition after folding: its state, the timeline that led there, and what was unusual."""

    state: PetitionState
    timeline: Sequence[Step]
    findings: Sequence[str]


def in_order(statements: Iterable[PetitionStatement]) -> list[PetitionStatement]:
    """Statements by time, then by kind, then by id; the same (source, id) once."""
    unique = {(one.source, one.id): one for one in statements}
    return sorted(unique.values(), key=lambda one: (one.time, PETITION_RANK[one.kind], one.id, one.source))


def fold(statements: Iterable[PetitionStatement], terms: Terms) -> Folded:
    """Fold the statements of one petition; order of arrival does not matter."""
    state, steps, findings = PetitionState(), list[Step](), set[str]()
    for statement in in_order(statements):
        findings.update(_unusual(state, statement))
        said = _apply(state, statement)
        said |= _deadlines(msgspec.structs.replace(state, **said), statement.unit, terms)
        to = {name: new for name, new in said.items() if getattr(state, name) != new}
        if to:
            steps.append(Step(at=statement.time, kind=statement.kind.removeprefix(PREFIX), to=to))
            state = msgspec.structs.replace(state, **to)
    findings.update(_unusual_at_the_end(state))
    return Folded(state=state, timeline=steps, findings=sorted(findings))


def _apply(state: PetitionState, statement: PetitionStatement) -> dict[str, Any]:
    """What the state is after this statement, as far as the statement says anything of it."""
    kind, facts, at = statement.kind, statement.facts, statement.time
    values: dict[str, Any] = {name: said for name in _PLAIN_FACTS if (said := getattr(facts, name)) is not None}
    if kind is PetitionKind.RECEIVED and state.received_at is None:
        values["received_at"] = facts.received_at or at
    elif kind is PetitionKind.UPDATED and facts.received_at is not None and state.received_at is not None:
        values["received_at"] = facts.received_at
    return values | _progress(state, kind, at) | _settling(state, statement) | _afterwards(state, statement)


def _progress(state: PetitionState, kind: PetitionKind, at: datetime) -> dict[str, Any]:
    """How far an open petition is; said of a settled one it moves nothing, only a reopening opens it again."""
    if state.settled_at is not None:
        return {}
    values = dict[str, Any]()
    if kind in PROGRESS or (kind is PetitionKind.RECEIVED and state.status == "unknown"):
        values["status"] = kind.removeprefix(PREFIX)
    if kind in CHECKS and state.checked_at is None:
        values["checked_at"] = at
    if kind is PetitionKind.TRANSFERRED:
        values["transferred_at"] = at
    return values


def _settling(state: PetitionState, statement: PetitionStatement) -> dict[str, Any]:
    """The first answer or rejection ends a round; a complaint about it opens the next one, and lateness stays counted."""
    kind, at = statement.kind, statement.time
    if kind in SETTLES and state.settled_at is None:
        name = kind.removeprefix(PREFIX)
        reason = statement.facts.reason_code if kind is PetitionKind.REJECTED else None
        return {"settled_at": at, "outcome": name, "status": name, "reason_code": reason}
    if kind is not PetitionKind.REOPENED:
        return {}
    values: dict[str, Any] = {"reopenings": state.reopenings + 1}
    if state.settled_at is not None:
        values |= {
            "status": "reopened",
            "settled_at": None,
            "outcome": None,
            "reason_code": None,
            "published_at": None,
            "reopened_at": at,
            "late_rounds": state.late_rounds + settled_late(state),
        }
    return values


def _afterwards(state: PetitionState, statement: PetitionStatement) -> dict[str, Any]:
    kind, at, values = statement.kind, statement.time, dict[str, Any]()
    if kind is PetitionKind.PUBLISHED and state.published_at is None:
        values["published_at"] = at
        if state.outcome == "answered":
            values["status"] = "published"
    if kind is PetitionKind.RATED:
        values |= {"satisfied": statement.facts.satisfied, "rated_at": at}
        if state.settled_at is not None:
            values["status"] = "satisfied" if statement.facts.satisfied else "dissatisfied"
    return values


def _deadlines(state: PetitionState, unit: str, terms: Terms) -> dict[str, Any]:
    if state.received_at is None:
        return {}
    received_at = state.received_at
    since = {Deadline.TRANSFER: received_at, Deadline.ANSWER: state.reopened_at or received_at}
    return {
        f"{deadline}_due_at": terms.due_at(
            deadline, unit=unit, received_at=received_at, since=begin, is_complex=state.complex is True
        )
        for deadline, begin in since.items()
    }


def settled_late(state: PetitionState) -> bool:
    """Answered or rejected on a later date than the answer was due; without a deadline nothing is late."""
    if state.settled_at is None or state.answer_due_at is None:
        return False
    return local_date(state.settled_at) > local_date(state.answer_due_at)


def due_at(state: PetitionState, deadline: Deadline) -> datetime | None:
    """When a deadline ends, whether it still runs or not."""
    return state.transfer_due_at if deadline is Deadline.TRANSFER else state.answer_due_at


def running_due_at(state: PetitionState, deadline: Deadline) -> datetime | None:
    """When a deadline ends that nobody has met yet; `None` when it does not run."""
    met = state.checked_at if deadline is Deadline.TRANSFER else None
    return due_at(state, deadline) if state.is_open and met is None else None


def was_overdue(timeline: Sequence[Step], deadline: Deadline, said_for: datetime) -> bool:
    """Whether the statements known now still say that the deadline `said_for` was broken when its day had ended.

    That a petition is complex holds for its whole round, whenever it is said: the shorter deadline then never was one.
    """
    moment = overdue_from(said_for)
    then = state_at(timeline, moment)
    if running_due_at(then, deadline) != said_for:
        return False
    if deadline is Deadline.TRANSFER:
        return True
    ended = _end_of_round(timeline, moment)
    return (ended.complex is True) == (then.complex is True) or settled_late(ended)


def state_at(timeline: Sequence[Step], instant: datetime) -> PetitionState:
    """The state at an instant; what happened at that very instant or later does not count."""
    return _state([step for step in timeline if step.at < instant])


def _end_of_round(timeline: Sequence[Step], moment: datetime) -> PetitionState:
    """The state just before the first reopening from a moment on, or as it stands now."""
    for number, step in enumerate(timeline):
        if step.at >= moment and "reopened_at" in step.to:
            return _state(timeline[:number])
    return _state(timeline)


def _state(timeline: Sequence[Step]) -> PetitionState:
    values = dict[str, Any]()
    for step in timeline:
        values |= step.to
    return msgspec.convert(values, PetitionState)


def _unusual(state: PetitionState, statement: PetitionStatement) -> Iterator[str]:
    kind, facts, settled = statement.kind, statement.facts, state.settled_at is not None
    if state.received_at is None and kind not in (PetitionKind.RECEIVED, PetitionKind.UPDATED):
        yield "progress_before_reception"
    if settled and kind in PROGRESS:
        yield "backward_move"
    if settled and kind in SETTLES:
        yield "settled_twice"
    if kind is PetitionKind.REOPENED and not settled:
        yield "complained_while_open"
    if kind is PetitionKind.PUBLISHED and state.outcome != "answered":
        yield "published_without_answer"
    if kind is PetitionKind.RATED and not settled:
        yield "rated_before_answer"
    if kind is PetitionKind.REJECTED and facts.reason_code is None:
        yield "reason_missing"


def _unusual_at_the_end(state: PetitionState) -> Iterator[str]:
    if state.transferred_at is not None and state.agency is None:
        yield "agency_missing"
    if state.received_at is None:
        return
    if state.answer_due_at is None:
        yield "no_rule_in_force"
    if state.settled_at is not None and state.settled_at < state.received_at:
        yield "settled_before_received"
    if state.outcome == "answered" and state.petition_class is None:
        yield "class_missing"


Told = tuple[PetitionEvent, datetime, dict[str, Any]]
"""(event, when it happened, what changed)."""


def transitions(timeline: Sequence[Step]) -> list[Told]:
    """The events that a timeline tells, the same whatever order the statements came in."""
    told = list[Told]()
    for step in timeline:
        mark, event = MARK_OF.get(PetitionKind(PREFIX + step.kind), ("", PetitionEvent.CORRECTED))
        if mark in step.to:
            told.append((event, step.at, step.to))
    return told


def told_by(before: PetitionSnapshot | None, after: PetitionSnapshot) -> list[Told]:
    """The events that a new snapshot adds to an older one.

    Every change is told by at least one event, so that the newest revision always reaches the readers: what adds no
    transition is `corrected`.
    """
    known = {(event, at) for event, at, _ in transitions(before.timeline)} if before else set()
    if fresh := [one for one in transitions(after.timeline) if one[:2] not in known]:
        return fresh
    old = before.state if before else PetitionState()
    names = PetitionState.__struct_fields__
    changed = {name: new for name in names if (new := getattr(after.state, name)) != getattr(old, name)}
    newest = after.timeline[-1].at if after.timeline else after.recorded_at
    return [(PetitionEvent.CORRECTED, newest, changed)]
