"""The three clocks of one dossier, from its snapshot and the book of rules; pure, no clock of its own.

The promise on the slip is never touched: it is compared, at the moment it was stated and with the calendar as known
then, with what the catalogue gives. Dates are compared, never times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from services.dossier.clocks.book import ClockBook
from services.dossier.domain import REOPENS
from shared.clocks import Clock, OnPause, Pause, Reading, fits
from shared.events.dossiers import Snapshot, State, Step
from shared.events.envelope import Instant
from shared.events.statements import Kind
from shared.limits import Limit
from shared.localtime import local_date
from shared.procedures import ClockVersion, Found
from shared.workdays import Calendar

NO_ANSWER = {Kind.SUBMITTED, Kind.UPDATED, Kind.RATED}
"""Kinds with which the centre has not answered a filing."""
DIFFERENCES = {"promise_later", "promise_earlier", "promise_by_other_policy", "promise_beyond_statutory"}


class IntakeClock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From the filing to the centre's first answer; instants are compared, for the limit is in hours."""

    limit: str
    started_at: Instant
    due_at: Instant
    answered_at: Instant | None = None


class Promise(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the slip says: the first promise, the newest one that a source stated, and the one that counts (II.06a)."""

    first_due_at: Instant
    stated_due_at: Instant
    stated_at: Instant
    due_at: Instant


class CaseClock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case of a limit: when its time is over, or the minutes left while the dossier waits."""

    limit: str
    due_at: Instant | None = None
    left_minutes: int | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at, in the generic shape: its code and what it is about; the text is looked up."""

    code: str
    details: dict[str, Any] = {}


class Clocks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All clocks of one dossier; empty where no rule was in force or nothing is known."""

    procedure: str | None = None
    on_pause: str | None = None
    intake: IntakeClock | None = None
    promise: Promise | None = None
    statutory: list[CaseClock] = []
    committed: list[CaseClock] = []
    findings: list[Finding] = []

    @property
    def differs(self) -> bool:
        """The promised date is not the computed one."""
        return any(one.code in DIFFERENCES for one in self.findings)


def measure(snapshot: Snapshot, book: ClockBook) -> Clocks:
    """Every clock of a dossier by the rules in force on the day of its reception."""
    state, calendar = snapshot.state, book.calendars.now.for_unit(snapshot.unit)
    intake = _intake(snapshot, book, calendar)
    promise = stated_promise(snapshot.timeline)
    if state.received_at is None:
        return Clocks(intake=intake, promise=promise)
    day = local_date(state.received_at)
    version = book.rules.on(day)
    if version is None:
        return Clocks(intake=intake, promise=promise)
    found = book.catalogue.find(state.procedure, day) if state.procedure else None
    if found is None:
        details = {"procedure": state.procedure, "received_on": str(day)}
        unknown = [Finding(code="procedure_unknown", details=details)] if state.procedure else []
        return Clocks(intake=intake, promise=promise, findings=unknown)
    ruler = _Ruler(snapshot, found, version)
    return Clocks(
        procedure=found.procedure.code,
        on_pause=ruler.on_pause.value,
        intake=intake,
        promise=promise,
        statutory=ruler.cases(ruler.statutory, calendar),
        committed=ruler.cases(ruler.committed, calendar),
        findings=[*ruler.gaps(), *_asked_again(snapshot.timeline, found), *_compare(promise, ruler, book)],
    )


class _Ruler:
    """Reads the limits of one dossier's procedure."""

    def __init__(self, snapshot: Snapshot, found: Found, version: ClockVersion) -> None:
        state = snapshot.state
        assert state.received_at is not None
        self.unit, self.start, self._found, self._version = snapshot.unit, state.received_at, found, version
        self._channel = state.channel or "direct"
        self.pauses = pauses_of(snapshot.timeline, state.received_at)
        self.on_pause = found.version.on_pause or version.on_pause
        self.statutory, self.committed = found.statutory(self._channel), found.committed(self._channel)

    def read(
        self, limits: Sequence[Limit], calendar: Calendar, pauses: Sequence[Pause], on_pause: OnPause | None = None
    ) -> list[Reading]:
        return [
            Clock(
                calendar=calendar,
                limit=limit,
                counting=self._version.counting,
                on_pause=on_pause or self.on_pause,
                restart_limit=self._found.restart_limit,
            ).read(self.start, pauses)
            for limit in limits
        ]

    def cases(self, limits: Sequence[Limit], calendar: Calendar) -> list[CaseClock]:
        readings = self.read(limits, calendar, self.pauses)
        return [
            CaseClock(limit=str(limit), due_at=one.due_at, left_minutes=one.left_minutes)
            for limit, one in zip(limits, readings, strict=True)
        ]

    def gaps(self) -> Iterator[Finding]:
        """What keeps a date from being computed."""
        if not self._found.is_offered(self._channel):
            yield Finding(code="channel_not_offered", details={"channel": self._channel})
        elif not self.statutory and not self.committed:
            published = self._found.version.published.limits(self._channel)
            yield Finding(code="limit_unknown", details={"published": [str(one) for one in published]})


def _asked_again(timeline: Sequence[Step], found: Found) -> Iterator[Finding]:
    """Some sectors allow one request for a supplement only (domain.md §2.2)."""
    asked = [
        step for step in timeline if step.kind == Kind.SUPPLEMENT_REQUESTED and step.to.get("waiting_since") is not None
    ]
    if found.version.supplement_once and len(asked) > 1:
        yield Finding(code="supplement_asked_again", details={"asked_on": [str(local_date(step.at)) for step in asked]})


def _compare(promise: Promise | None, ruler: _Ruler, book: ClockBook) -> Iterator[Finding]:
    limits = ruler.committed or ruler.statutory
    if promise is None or not limits:
        return
    known = book.calendars.known_on(local_date(promise.stated_at)).for_unit(ruler.unit)
    today = book.calendars.now.for_unit(ruler.unit)
    pauses = [one for one in ruler.pauses if one.ended_at is not None and one.ended_at <= promise.stated_at]
    promised = local_date(promise.stated_due_at)
    then, now = ruler.read(limits, known, pauses), ruler.read(limits, today, pauses)
    if not fits(promised, then) and not fits(promised, now):
        yield _difference(promised, ruler, limits, pauses, today)
    elif not fits(promised, now):
        yield Finding(
            code="calendar_changed_since_promise", details={"promised": str(promised), "computed": _days(now)}
        )
    by_law = ruler.read(ruler.statutory, today, pauses)
    if ruler.committed and by_law and promised > max(_dates(by_law)):
        yield Finding(code="promise_beyond_statutory", details={"promised": str(promised), "computed": _days(by_law)})


def _difference(
    promised: date, ruler: _Ruler, limits: Sequence[Limit], pauses: Sequence[Pause], calendar: Calendar
) -> Finding:
    """Both policies are shown: which one holds is the most dangerous ambiguity of all due dates (domain.md §2.2)."""
    by_policy = {policy: ruler.read(limits, calendar, pauses, policy) for policy in OnPause}
    computed = _dates(by_policy[ruler.on_pause])
    details: dict[str, Any] = {
        "promised": str(promised),
        "computed": [str(day) for day in computed],
        "limits": [str(limit) for limit in limits],
        "on_pause": ruler.on_pause.value,
    }
    if pauses:
        details |= {f"by_{policy.value}": _days(readings) for policy, readings in by_policy.items()}
        if any(fits(promised, readings) for readings in by_policy.values()):
            return Finding(code="promise_by_other_policy", details=details)
    nearest = min(computed, key=lambda day: abs(promised - day))
    return Finding(code="promise_later" if promised > nearest else "promise_earlier", details=details)


def _dates(readings: Sequence[Reading]) -> list[date]:
    return [local_date(one.due_at) for one in readings if one.due_at is not None]


def _days(readings: Sequence[Reading]) -> list[str]:
    return [str(day) for day in _dates(readings)]


def _intake(snapshot: Snapshot, book: ClockBook, calendar: Calendar) -> IntakeClock | None:
    """NĐ 118/2025: 08 office hours for online filings, one working day otherwise; needs the instant of the filing."""
    state = snapshot.state
    if state.submitted_at is None:
        return None
    version = book.rules.on(local_date(state.submitted_at))
    if version is None:
        return None
    limit = version.intake_limit(state.channel or "direct")
    due_at = Clock(calendar=calendar, limit=limit, counting=version.counting).read(state.submitted_at).due_at
    assert due_at is not None
    return IntakeClock(
        limit=str(limit),
        started_at=state.submitted_at,
        due_at=due_at,
        answered_at=_answered_at(snapshot.timeline, state),
    )


def _answered_at(timeline: Sequence[Step], state: State) -> datetime | None:
    for step in timeline:
        if Kind(step.kind) not in NO_ANSWER:
            return state.received_at if step.kind == Kind.RECEIVED and state.received_at else step.at
    return None


def pauses_of(timeline: Sequence[Step], received_at: datetime) -> list[Pause]:
    """The waits of a dossier since its reception, the last one perhaps still open."""
    pauses, began = list[Pause](), None
    for step in timeline:
        if "waiting_since" not in step.to:
            continue
        since = _instant(step.to["waiting_since"])
        if began is not None and step.at > received_at:
            pauses.append(Pause(began_at=max(began, received_at), ended_at=step.at))
        began = since
    if began is not None:
        pauses.append(Pause(began_at=max(began, received_at)))
    return pauses


def stated_promise(timeline: Sequence[Step]) -> Promise | None:
    """The promises that a source stated; what the fold itself moved by a pause was stated by nobody."""
    first = stated = due = waiting = None
    stated_at: datetime | None = None
    for step in timeline:
        fresh = _instant(step.to["due_at"]) if "due_at" in step.to else due
        ends = waiting is not None and "waiting_since" in step.to and Kind(step.kind) in REOPENS
        moved = ends and waiting and due is not None and fresh == due + max(step.at - waiting, timedelta(0))
        if fresh is not None and not moved and (fresh != due or ends):
            first, stated, stated_at = first or fresh, fresh, step.at
        due = fresh
        if "waiting_since" in step.to:
            waiting = _instant(step.to["waiting_since"])
    if first is None or stated is None or stated_at is None or due is None:
        return None
    return Promise(first_due_at=first, stated_due_at=stated, stated_at=stated_at, due_at=due)


def _instant(value: Any) -> datetime | None:
    """A timeline holds instants when it was just folded, and texts when it was read back."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
