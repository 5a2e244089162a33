"""What an apology is: one per dossier and promise, its state derived from the set of facts known of it.

Facts are the sweep's word that a promise was broken, people's actions, and what the centre itself said (`extended`,
`apologised`); in whatever order they come, the state is the same. A new date never moves the promise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from services.dossier.domain import was_overdue
from shared.events.dossiers import Snapshot
from shared.events.dossiers import Step as Change
from shared.events.envelope import Instant
from shared.events.statements import Kind
from shared.localtime import LOCAL


class Step(StrEnum):
    """What is recorded of an apology, in order: the first by the sweep, the others by people."""

    OPENED = "opened"
    DRAFTED = "drafted"
    ISSUED = "issued"
    SENT = "sent"
    PUBLISHED = "published"


class Standing(StrEnum):
    """How an apology stands: the furthest step reached, unless it turned out that there was nothing to apologise for."""

    OPENED = "opened"
    DRAFTED = "drafted"
    ISSUED = "issued"
    SENT = "sent"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


ORDER: dict[str, int] = {step.value: rank for rank, step in enumerate(Step)}
OPEN = (Standing.OPENED, Standing.DRAFTED, Standing.ISSUED, Standing.SENT)
"""Something is still to be done."""
SAYS = {Kind.EXTENDED: Step.ISSUED, Kind.APOLOGISED: Step.SENT}
"""What the centre's own statements tell: a new date was given, a written apology was sent (contracts.md §3)."""


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a draft or an issue fixes, and the dossier as it stood then: printed again, it is the same letter.

    It holds nothing of the applicant but the kind.
    """

    circular: str
    form: str
    procedure: str | None = None
    procedure_name: str | None = None
    agency: str | None = None
    applicant: str | None = None
    received_at: Instant | None = None
    due_at: Instant
    finished_at: Instant | None = None
    extended_before: Instant | None = None
    extension: int = 0
    """The how many-eth new date of the dossier this one is; 0 without one."""
    extensions: int = 0
    """How many a dossier may get."""
    reason_code: str | None = None
    reason_vi: str = ""
    cause: str = ""
    """In a person's words, without anything of the citizen."""
    new_due_at: Instant | None = None
    number: str = ""
    signer: str = ""


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step: when, by whom, and the letter that it fixed; `note` says how it was sent or where it was published."""

    step: Step
    at: Instant
    by: str
    letter: Letter | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Word:
    """What the centre itself said: `extended` or `apologised`."""

    kind: Kind
    at: datetime
    new_due_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Apology:
    """All that is known of the apology for one promise."""

    unit: str
    dossier: str
    due_at: datetime
    broken: bool
    """By what is known now, the promise was not kept, or is not going to be unless the dossier is finished."""
    words: Sequence[Word] = ()
    actions: Sequence[Action] = ()

    def reached(self) -> dict[Step, datetime]:
        """When each step was first reached, by people or by the centre's word."""
        found = dict[Step, datetime]()
        known = [(one.step, one.at) for one in self.actions] + [(SAYS[one.kind], one.at) for one in self.words]
        for step, at in known:
            found[step] = min(at, found.get(step, at))
        return found

    @property
    def progress(self) -> Step | None:
        """The furthest step reached; `None` while nothing is known but the promise."""
        return max(self.reached(), key=lambda step: ORDER[step], default=None)

    @property
    def is_withdrawn(self) -> bool:
        """It was opened because of lateness that a later statement refuted."""
        return Step.OPENED in self.reached() and not self.broken

    @property
    def standing(self) -> Standing:
        """The state; an apology of which nothing is known has none."""
        progress = self.progress
        assert progress is not None
        return Standing.WITHDRAWN if self.is_withdrawn else Standing(progress.value)

    def done(self, step: Step) -> Action | None:
        """The newest action of a step."""
        found = [one for one in self.actions if one.step is step]
        return found[-1] if found else None

    @property
    def newest_letter(self) -> Action | None:
        """The action whose letter counts: the issued one, else the newest draft."""
        return self.done(Step.ISSUED) or self.done(Step.DRAFTED)

    @property
    def issued_letter(self) -> Letter | None:
        """Our letter, once it is issued."""
        issued = self.done(Step.ISSUED)
        return issued.letter if issued else None

    @property
    def new_due_at(self) -> datetime | None:
        """The newest date promised instead."""
        said = [(one.at, one.new_due_at) for one in self.words if one.new_due_at]
        if (issued := self.done(Step.ISSUED)) and issued.letter and issued.letter.new_due_at:
            said.append((issued.at, issued.letter.new_due_at))
        return max(said)[1] if said else None


def derive(snapshot: Snapshot, words: Iterable[Word], actions: dict[datetime, list[Action]]) -> list[Apology]:
    """Every apology of a dossier, by promise: those that anything is known of.

    A word of the centre belongs to the promise that was in force when it was said.
    """
    of_promise = defaultdict[datetime, list[Word]](list)
    for word in words:
        if (due_at := promise_at(snapshot.timeline, word.at)) is not None:
            of_promise[due_at].append(word)
    return [
        apology_for(snapshot, due_at, of_promise.get(due_at, ()), actions.get(due_at, ()))
        for due_at in sorted({*of_promise, *actions})
    ]


def apology_for(
    snapshot: Snapshot, due_at: datetime, words: Sequence[Word] = (), actions: Sequence[Action] = ()
) -> Apology:
    """The apology for one promise of a dossier, known of or not."""
    return Apology(
        unit=snapshot.unit,
        dossier=snapshot.dossier,
        due_at=due_at.astimezone(LOCAL),
        broken=was_overdue(snapshot.timeline, due_at),
        words=sorted(words, key=lambda one: (one.at, one.kind)),
        actions=sorted(actions, key=lambda one: (ORDER[one.step], one.at)),
    )


def promise_at(timeline: Sequence[Change], instant: datetime) -> datetime | None:
    """The promise in force at an instant; before there was any, the first one made."""
    promises = [(step.at, step.to["due_at"]) for step in timeline if step.to.get("due_at") is not None]
    before = [due_at for at, due_at in promises if at <= instant]
    found = before[-1] if before else promises[0][1] if promises else None
    # a timeline read back from JSON holds text, a fresh one instants
    return msgspec.convert(found, datetime | None)


def extensions_used(apologies: Iterable[Apology], *, without: datetime) -> int:
    """How many new dates the dossier got, the centre's own and ours, but for our letter about one promise."""
    used = 0
    for one in apologies:
        used += sum(word.kind is Kind.EXTENDED for word in one.words)
        if one.due_at != without and (letter := one.issued_letter) and letter.new_due_at:
            used += 1
    return used
