"""Splits the time of a late dossier among those whose it was; pure, and the split adds up to the minute.

Two readings of the same statements are compared: what is true by all of them, and what was known at each moment by those
recorded until then ("on paper"). A dossier is late for real when it was, by all we know now, open past its promised day;
late on paper only, when it merely looked so because a statement came late.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from services.dossier.domain import fold, in_order, is_running, overdue_from
from shared.events.dossiers import State, Step
from shared.events.statements import Kind, Statement
from shared.workdays import MINUTE, Calendar

Span = tuple[datetime, datetime]
"""From (inclusive) to (exclusive), in whole minutes."""


class Cause(StrEnum):
    """Whose time it was."""

    CITIZEN = "citizen"
    """Waiting for a supplement or a fee."""
    STAFF = "staff"
    """Office hours in which the unit had it, whichever of its departments."""
    OTHER_AGENCY = "other_agency"
    """Office hours in which it lay with an agency outside the unit, as far as the statements tell."""
    CALENDAR = "calendar"
    """Nights, weekends, holidays."""
    STREAM = "stream"
    """It looked overdue while it was not: the statement that says so had not arrived."""


class Late(StrEnum):
    """How a dossier is late."""

    REAL = "real"
    PAPER = "paper"


@dataclass(frozen=True, kw_only=True)
class Told:
    """A statement and when it was recorded; one from a file counts as recorded when it happened (`paper` knows nothing)."""

    statement: Statement
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """One late dossier: how, against which promise, and its minutes by cause; they add up to `minutes`."""

    unit: str
    dossier: str
    late: Late
    field: str | None
    agency: str | None
    due_at: datetime
    minutes: int
    parts: dict[Cause, int]


def judge(told: Sequence[Told], calendar: Calendar, heard: datetime) -> Lateness | None:
    """How one dossier is late, or `None`; `heard` is how far its source was heard, nothing is judged behind it.

    `told` are all statements of the dossier, in any order; `calendar` is its unit's. The whole is the time from the
    reception to the finish (or `heard`), and the time after it in which the dossier still looked overdue.
    """
    folded = fold(one.statement for one in told)
    state = folded.state
    if state.received_at is None or state.due_at is None:
        return None
    looked = _without(_overdue_on_paper(told, heard), _overdue_in_truth(folded.timeline, heard))
    is_late = (state.finished_at or heard) >= overdue_from(state.due_at) and not state.is_waiting
    is_real = is_late and state.outcome in (None, "completed")
    if not is_real and not looked:
        return None
    parts = dict.fromkeys(Cause, 0)
    away = _away((one.statement for one in told), heard)
    for cause, (begin, end) in _segments(folded.timeline, state, away, heard):
        for piece in _without([(begin, end)], looked):
            _add(parts, cause, piece, calendar)
    parts[Cause.STREAM] = sum(map(_minutes, looked))
    first = told[0].statement
    return Lateness(
        unit=first.unit,
        dossier=first.dossier,
        late=Late.REAL if is_real else Late.PAPER,
        field=state.field,
        agency=state.agency,
        due_at=state.due_at,
        minutes=sum(parts.values()),
        parts=parts,
    )


def _add(parts: dict[Cause, int], cause: Cause, span: Span, calendar: Calendar) -> None:
    """A wait is the citizen's day and night; work counts in office hours, the rest is the calendar's."""
    elapsed = _minutes(span)
    if cause is Cause.CITIZEN:
        parts[cause] += elapsed
        return
    worked = calendar.working_minutes_between(*span)
    parts[cause] += worked
    parts[Cause.CALENDAR] += elapsed - worked


def _segments(
    timeline: Sequence[Step], state: State, away: Sequence[Span], heard: datetime
) -> Iterator[tuple[Cause, Span]]:
    """Who had the dossier, from its reception to its finish or to `heard`."""
    assert state.received_at is not None
    begin, end = state.received_at, state.finished_at or heard
    for present, (since, until) in _states(timeline, heard):
        span = max(since, _floor(begin)), min(until, _floor(end))
        if span[0] >= span[1]:
            continue
        if present.is_waiting:
            yield Cause.CITIZEN, span
            continue
        here = _without([span], away)
        yield from ((Cause.STAFF, piece) for piece in here)
        yield from ((Cause.OTHER_AGENCY, piece) for piece in _without([span], here))


def _away(statements: Iterable[Statement], heard: datetime) -> list[Span]:
    """When the work lay with an agency outside the unit: from a statement of work that says so until one that does not.

    Said with the reception, `inter_agency` is a property of the procedure and tells nothing of where the work lies.
    """
    spans, since = list[Span](), None
    for one in in_order(statements):
        said = one.facts.inter_agency
        if said is None or one.kind in _TELLS_NO_PLACE:
            continue
        if said and since is None:
            since = _floor(one.time)
        elif not said and since is not None:
            spans.append((since, _floor(one.time)))
            since = None
    if since is not None:
        spans.append((since, max(since, _floor(heard))))
    return spans


_TELLS_NO_PLACE = {Kind.SUBMITTED, Kind.RECEIVED, Kind.REFUSED, Kind.UPDATED}


def _overdue_in_truth(timeline: Sequence[Step], heard: datetime) -> list[Span]:
    """When the dossier was open past its promised day, by everything that is known now."""
    return [span for state, within in _states(timeline, heard) if (span := _overdue_within(state, within))]


def _overdue_on_paper(told: Sequence[Told], heard: datetime) -> list[Span]:
    """When it looked so, by what had been recorded at each moment."""
    moments = sorted({_floor(one.recorded_at) for one in told})
    spans = list[Span]()
    for number, since in enumerate(moments):
        until = moments[number + 1] if number + 1 < len(moments) else max(since, _floor(heard))
        known = fold(one.statement for one in told if _floor(one.recorded_at) <= since).state
        if since < until and (span := _overdue_within(known, (since, until))):
            spans.append(span)
    return spans


def _overdue_within(state: State, within: Span) -> Span | None:
    if not is_running(state):
        return None
    assert state.due_at is not None
    begin = max(within[0], overdue_from(state.due_at))
    return (begin, within[1]) if begin < within[1] else None


def _states(timeline: Sequence[Step], heard: datetime) -> Iterator[tuple[State, Span]]:
    """Each state of a timeline with its time, the last one until `heard`."""
    values: dict[str, object] = {}
    for number, step in enumerate(timeline):
        values |= step.to
        until = timeline[number + 1].at if number + 1 < len(timeline) else max(step.at, heard)
        if _floor(step.at) < _floor(until):
            yield msgspec.convert(values, State), (_floor(step.at), _floor(until))


def _without(spans: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """The parts of `spans` that no span of `taken` covers."""
    left = list(spans)
    for begin, end in taken:
        left = [piece for span in left for piece in _cut_out(span, begin, end)]
    return left


def _cut_out(span: Span, begin: datetime, end: datetime) -> Iterator[Span]:
    if end <= span[0] or span[1] <= begin:
        yield span
        return
    if span[0] < begin:
        yield span[0], begin
    if end < span[1]:
        yield end, span[1]


def _minutes(span: Span) -> int:
    return int((span[1] - span[0]) / MINUTE)


def _floor(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
