"""What a dossier is: a fold over the set of its statements (contracts.md §3, Folding).

Order of arrival does not matter, a statement counts once, and the clock is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.events.dossiers import DossierEvent, Snapshot, State, Step
from shared.events.statements import RANK, Facts, Kind, Statement
from shared.localtime import end_of_day, local_date

OWN_SOURCE = "/motcua/apologies"
"""The source of what we state ourselves, for a person: it tells nothing of how far the centre has been heard."""

WAITS = {Kind.SUPPLEMENT_REQUESTED, Kind.PAYMENT_REQUESTED}
FINISHES: dict[Kind, str] = {
    Kind.COMPLETED: "completed",
    Kind.HANDED_OVER: "completed",
    Kind.RETURNED: "returned",
    Kind.WITHDRAWN: "withdrawn",
    Kind.STOPPED: "stopped",
}
REOPENS = {Kind.RECEIVED, Kind.PROCESSING, Kind.SUPPLEMENTED, *WAITS}
"""Said after a finish, these cancel it (contracts.md §3)."""
KEEPS_STATUS = {Kind.RATED, Kind.UPDATED, Kind.EXTENDED, Kind.APOLOGISED}
NEVER_MOVE_DUE = {Kind.EXTENDED, Kind.APOLOGISED}
"""An apology with a new date never erases lateness."""

EVENT_OF: dict[Kind, DossierEvent] = {
    Kind.RECEIVED: DossierEvent.RECEIVED,
    Kind.REFUSED: DossierEvent.REFUSED,
    Kind.SUPPLEMENT_REQUESTED: DossierEvent.PAUSED,
    Kind.PAYMENT_REQUESTED: DossierEvent.PAUSED,
    Kind.SUPPLEMENTED: DossierEvent.RESUMED,
    Kind.EXTENDED: DossierEvent.EXTENDED,
    Kind.APOLOGISED: DossierEvent.APOLOGISED,
    Kind.COMPLETED: DossierEvent.RESOLVED,
    Kind.RETURNED: DossierEvent.RETURNED,
    Kind.WITHDRAWN: DossierEvent.WITHDRAWN,
    Kind.STOPPED: DossierEvent.STOPPED,
    Kind.HANDED_OVER: DossierEvent.HANDED_OVER,
    Kind.RATED: DossierEvent.RATED,
}

_OWN_RULE = {"received_at", "due_at", "rating", "reason", "remarks"}
"""Facts with a rule of their own: remarks are findings, not state; the free text of a reason stays in the journal, it may name a citizen."""
_PLAIN_FACTS = tuple(name for name in Facts.__struct_fields__ if name not in _OWN_RULE)

Resume = Callable[[State, datetime], datetime]
"""Moves a promise by a pause: the state that waits and the instant of the answer give the new due instant."""


def resume_by_elapsed(state: State, answered_at: datetime) -> datetime:
    """Policy *resume* in elapsed time: the rest of the limit runs on from the answer (domain.md §2.2, policy A)."""
    assert state.due_at is not None
    assert state.waiting_since is not None
    return state.due_at + max(answered_at - state.waiting_since, timedelta(0))


@dataclass(frozen=True, kw_only=True)
class Folded:
    """A dossier after folding: its state, the timeline that led there, and what was unusual."""

    state: State
    timeline: Sequence[Step]
    findings: Sequence[str]


def in_order(statements: Iterable[Statement]) -> list[Statement]:
    """Statements by time, then by kind, then by id; the same (source, id) once."""
    unique = {(one.source, one.id): one for one in statements}
    return sorted(unique.values(), key=lambda one: (one.time, RANK[one.kind], one.id, one.source))


def fold(statements: Iterable[Statement], *, resume: Resume = resume_by_elapsed) -> Folded:
    """Fold the statements of one dossier; order of arrival does not matter."""
    ordered = in_order(statements)
    state, steps, findings = State(), list[Step](), set[str]()
    for statement in ordered:
        findings.update(_unusual(state, statement))
        findings.update(statement.facts.remarks or ())
        said = _apply(state, statement, resume)
        to = {name: new for name, new in said.items() if getattr(state, name) != new}
        if to:
            steps.append(Step(at=statement.time, kind=statement.kind, to=to))
            state = msgspec.structs.replace(state, **to)
    findings.update(_unusual_at_the_end(state))
    if ordered and _code_tells_another_day(ordered[0].dossier, state):
        findings.add("code_date_differs")
    return Folded(state=state, timeline=steps, findings=sorted(findings))


def _apply(state: State, statement: Statement, resume: Resume) -> dict[str, Any]:
    """What the state is after this statement, as far as the statement says anything of it."""
    kind, facts, at = statement.kind, statement.facts, statement.time
    values: dict[str, Any] = {name: said for name in _PLAIN_FACTS if (said := getattr(facts, name)) is not None}
    if kind not in KEEPS_STATUS:
        values["status"] = kind.value
    if kind is Kind.RECEIVED and state.received_at is None:
        values["received_at"] = facts.received_at or at
    elif kind is Kind.UPDATED and facts.received_at is not None and state.received_at is not None:
        values["received_at"] = facts.received_at
    return values | _clock(state, statement, resume) | _finish(state, kind, at) | _quality(state, statement)


def _clock(state: State, statement: Statement, resume: Resume) -> dict[str, Any]:
    """The promise and the pause: a stated due date wins; an answer without one lets the rest of the limit run on."""
    kind, values = statement.kind, dict[str, Any]()
    if kind in WAITS:
        values["waiting_since"] = state.waiting_since or statement.time
    elif kind not in KEEPS_STATUS and state.is_waiting:
        values["waiting_since"] = None
        if kind in REOPENS and state.due_at is not None:
            values["due_at"] = resume(state, statement.time)
    if statement.facts.due_at is not None and kind not in NEVER_MOVE_DUE:
        values["due_at"] = statement.facts.due_at
    return values


def _finish(state: State, kind: Kind, at: datetime) -> dict[str, Any]:
    if kind in FINISHES and not state.is_finished:
        return {"finished_at": at, "outcome": FINISHES[kind]}
    if kind in REOPENS and state.is_finished:
        return {"finished_at": None, "outcome": None}
    return {}


def _quality(state: State, statement: Statement) -> dict[str, Any]:
    kind, facts, values = statement.kind, statement.facts, dict[str, Any]()
    if facts.rating is not None:
        values |= {"rating": facts.rating, "rated_at": statement.time}
    if kind is Kind.APOLOGISED and state.apologised_at is None:
        values["apologised_at"] = statement.time
    if kind is Kind.EXTENDED:
        values["extensions"] = state.extensions + 1
    if kind is Kind.SUBMITTED and facts.submitted_at is None and state.submitted_at is None:
        values["submitted_at"] = statement.time
    return values


def _unusual(state: State, statement: Statement) -> Iterable[str]:
    kind = statement.kind
    if state.is_finished and kind in REOPENS:
        yield "reopened"
    if state.received_at is None and kind not in (Kind.SUBMITTED, Kind.RECEIVED, Kind.REFUSED, Kind.UPDATED):
        yield "progress_before_reception"
    if state.received_at is not None and kind in (Kind.REFUSED, Kind.SUBMITTED):
        yield "backward_move"
    if kind is Kind.SUPPLEMENTED and not state.is_waiting:
        yield "answer_without_pause"


def _unusual_at_the_end(state: State) -> Iterable[str]:
    if state.received_at is not None and state.due_at is None:
        yield "no_due_date"
    if state.finished_at is not None and state.received_at is not None and state.finished_at < state.received_at:
        yield "finished_before_received"
    if state.field is None:
        yield "field_missing"
    if state.procedure is None:
        yield "procedure_missing"


_DATED_CODE = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.)?[A-Z]\d{2}(?:\.\d+)*-(\d{6})-\d{4,6}", re.ASCII)
"""Dossier codes of TT 01/2018 Điều 19 and QĐ 20/2020 (domain.md §2.6); anything else is an opaque key."""


def _code_tells_another_day(code: str, state: State) -> bool:
    """Takeovers and late entries have such codes too: worth a look, never a reason to refuse."""
    dated = _DATED_CODE.fullmatch(code)
    return bool(dated and state.received_at and f"{local_date(state.received_at):%y%m%d}" != dated[1])


def transitions(timeline: Sequence[Step]) -> list[tuple[tuple[DossierEvent, datetime], DossierEvent, Step]]:
    """The events that a timeline tells, each with a key that is the same whatever order the statements came in."""
    told = []
    for step in timeline:
        event = EVENT_OF.get(Kind(step.kind))
        if event is DossierEvent.HANDED_OVER and step.to.get("outcome"):
            event = DossierEvent.RESOLVED
        if event is not None:
            told.append(((event, step.at), event, step))
    return told


def told_by(before: Snapshot | None, after: Snapshot) -> list[tuple[DossierEvent, datetime, dict[str, Any]]]:
    """The events that a new snapshot adds to an older one: (event, when it happened, what changed).

    Every change is told by at least one event, so that the newest revision always reaches the readers: what adds no
    transition is `corrected`.
    """
    known = {key for key, _, _ in transitions(before.timeline)} if before else set[tuple[DossierEvent, datetime]]()
    fresh = [(event, step.at, step.to) for key, event, step in transitions(after.timeline) if key not in known]
    if fresh:
        return fresh
    changed = _difference(before.state if before else State(), after.state)
    newest = after.timeline[-1].at if after.timeline else after.recorded_at
    return [(DossierEvent.CORRECTED, newest, changed)]


def _difference(before: State, after: State) -> dict[str, Any]:
    return {name: new for name in State.__struct_fields__ if (new := getattr(after, name)) != getattr(before, name)}


def overdue_from(due_at: datetime) -> datetime:
    """The first instant at which a dossier is overdue: the midnight after its promised date, for dates are compared."""
    return end_of_day(local_date(due_at))


def is_running(state: State) -> bool:
    """Open, promised and not waiting: only such a dossier can become overdue."""
    return state.is_open and not state.is_waiting and state.due_at is not None


def was_overdue(timeline: Sequence[Step], due_at: datetime) -> bool:
    """Whether the statements known now still say that the promise `due_at` was broken when its day had ended."""
    at_that_moment = state_at(timeline, overdue_from(due_at))
    return is_running(at_that_moment) and at_that_moment.due_at == due_at


def state_at(timeline: Sequence[Step], instant: datetime) -> State:
    """The state at an instant; what happened at that very instant or later does not count."""
    values: dict[str, Any] = {}
    for step in timeline:
        if step.at < instant:
            values |= step.to
    return msgspec.convert(values, State)


def heard_up_to(
    *, now: datetime, newest: datetime, backlog: bool, silent: bool, live: bool, as_of: datetime | None
) -> datetime | None:
    """How far a source's own stream has been heard (design.md, decision 6); `None` while a file is still coming in.

    A live source that is caught up and not silent is heard up to now, otherwise up to its newest statement; a file is
    heard up to its `as_of`.
    """
    if live:
        return min(now, newest) if backlog or silent else now
    return min(now, as_of) if as_of is not None else None
