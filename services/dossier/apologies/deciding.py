"""May this be done to an apology? Each answer is the action to record, nothing when it was done already, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256

from services.dossier.apologies.domain import ORDER, Action, Apology, Letter, Step, extensions_used
from services.dossier.apologies.rules import ApologyRules, FormVersion
from services.dossier.domain import OWN_SOURCE
from shared.events.dossiers import Snapshot
from shared.events.statements import Facts, Kind, Statement
from shared.localtime import LOCAL, local_date
from shared.workdays import Calendar

PERSONAL = re.compile(r"(?:\d[ .]?){9,}|\S+@\S+\.\w")
"""Phone, identity and account numbers, addresses of mail: nothing of a citizen stands in a cause."""
ADDRESS = re.compile(r"https?://\S+")
LONGEST_CODE = 120
"""Characters of a dossier code within an id of at most 200."""


class NotAllowed(ValueError):
    """An action that the rules or the apology's state forbid; says why and what to do."""


class ValueRefused(NotAllowed):
    """Something that was asked for can never be: the field at fault, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class WrongOrder(NotAllowed):
    """A step before the one that has to come first."""

    def __init__(self, step: Step, first: Step) -> None:
        super().__init__(f"it cannot be {step} before it is {first} (do that first)")


class DoneOtherwise(NotAllowed):
    """The step was taken already, with other contents; what is recorded never changes."""

    def __init__(self, step: Step, by: str, at: datetime) -> None:
        when = at.astimezone(LOCAL)
        super().__init__(
            f"it was {step} by {by} at {when:%H:%M on %d/%m/%Y}, with other contents (nothing was changed)"
        )


class AlreadyOut(NotAllowed):
    """A letter is out: ours, or one of the centre's own system."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"a letter went out on {at.astimezone(LOCAL):%d/%m/%Y} already (see its apology)")


class NothingToApologiseFor(NotAllowed):
    """The promise was kept, or is no promise of this dossier."""

    def __init__(self, dossier: str, due_at: datetime | None) -> None:
        promised = f"the promise of {local_date(due_at):%d/%m/%Y}" if due_at else "a promise"
        super().__init__(f"dossier {dossier} has not broken {promised}, or never made it (check the promised day)")


class ExtensionsUsedUp(NotAllowed):
    """The dossier had all the new dates that it may get."""

    def __init__(self, used: int, allowed: int) -> None:
        super().__init__(
            f"the dossier was given a new date {used} times and may be given {allowed} (issue the letter without one)"
        )


class NoFormInForce(NotAllowed):
    """No version of the rules holds on the day."""

    def __init__(self, day: date) -> None:
        super().__init__(f"no form of apology is in force on {day:%d/%m/%Y} (see apologies.yaml)")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person asks a letter to say; what is left out of an issue is as it was drafted."""

    reason_code: str | None = None
    cause: str | None = None
    new_due_on: date | None = None
    without_new_date: bool = False
    """An issue promises no new day, whatever was drafted."""
    number: str = ""
    signer: str = ""

    def is_said_by(self, letter: Letter) -> bool:
        """A letter says what this asks for. Days are compared: the time of day is the form's, and forms change."""
        day = local_date(letter.new_due_at) if letter.new_due_at else None
        said = (letter.number, letter.signer, letter.reason_code, letter.cause, day)
        return said == (self.number, self.signer, self.reason_code, self.cause or "", self.new_due_on)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One apology with all that decisions about it need."""

    snapshot: Snapshot
    apology: Apology
    others: Sequence[Apology]
    """Every apology of the dossier."""
    rules: ApologyRules
    calendar: Calendar
    now: datetime
    by: str

    def draft(self, wish: Wish) -> Action | None:
        """A draft, or another draft instead of it, as long as nothing is issued."""
        before = self.apology.done(Step.DRAFTED)
        if before is not None and before.letter is not None and wish.is_said_by(before.letter):
            return None
        version = self._version()
        letter = self._letter(wish, version)
        self._may_write()
        self._check(letter, version)
        return Action(step=Step.DRAFTED, at=self.now, by=self.by, letter=letter)

    def issue(self, wish: Wish) -> Action | None:
        """The letter with its number and signer; a new date at most as often as the rules allow.

        What is issued is compared with the wish alone: the rules of today have no say in it.
        """
        drafted, before = self.apology.done(Step.DRAFTED), self.apology.done(Step.ISSUED)
        wish = _as_drafted(wish, drafted)
        if before is not None:
            if before.letter is not None and wish.is_said_by(before.letter):
                return None
            raise DoneOtherwise(Step.ISSUED, before.by, before.at)
        version = self._version()
        letter = self._letter(wish, version)
        self._may_write()
        if drafted is None:
            raise WrongOrder(Step.ISSUED, Step.DRAFTED)
        if not (letter.reason_code or letter.cause):
            raise ValueRefused("cause", "is missing (give a reason code, a cause in words, or both)")
        self._check(letter, version)
        return Action(step=Step.ISSUED, at=self.now, by=self.by, letter=letter)

    def mark(self, step: Step, note: str) -> Action | None:
        """`sent` or `published`; also for a letter that the centre's own system issued or sent."""
        before = self.apology.done(step)
        if before is not None:
            if before.note == note:
                return None
            raise DoneOtherwise(step, before.by, before.at)
        first = Step.ISSUED if step is Step.SENT else Step.SENT
        progress = self.apology.progress
        if progress is None or ORDER[progress] < ORDER[first]:
            raise WrongOrder(step, first)
        if PERSONAL.search(ADDRESS.sub("", note)):
            raise ValueRefused("note", "holds a number or an address of a person (leave it out)")
        return Action(step=step, at=self.now, by=self.by, note=note)

    def _version(self) -> FormVersion:
        today = local_date(self.now)
        if (version := self.rules.on(today)) is None:
            raise NoFormInForce(today)
        return version

    def _may_write(self) -> None:
        if not self.apology.broken:
            raise NothingToApologiseFor(self.apology.dossier, self.apology.due_at)
        reached = self.apology.reached()
        out = [at for step, at in reached.items() if ORDER[step] >= ORDER[Step.ISSUED]]
        if out:
            raise AlreadyOut(min(out))

    def _letter(self, wish: Wish, version: FormVersion) -> Letter:
        state = self.snapshot.state
        if wish.reason_code is not None and wish.reason_code not in self.rules.reasons:
            known = ", ".join(self.rules.reasons)
            raise ValueRefused("reason_code", f"{wish.reason_code!r} is not known (use one of: {known})")
        if wish.cause and PERSONAL.search(wish.cause):
            raise ValueRefused("cause", "holds a number or an address of a person (leave it out)")
        new_due_at = None
        if wish.new_due_on is not None:
            new_due_at = datetime.combine(wish.new_due_on, version.new_date.time, LOCAL)
        used = extensions_used(self.others, without=self.apology.due_at)
        return Letter(
            circular=version.circular,
            form=version.form,
            procedure=state.procedure,
            procedure_name=state.procedure_name,
            agency=state.agency,
            applicant=state.applicant,
            received_at=state.received_at,
            due_at=self.apology.due_at,
            finished_at=state.finished_at,
            extended_before=state.extended_due_at if used else None,
            extension=used + 1 if new_due_at else 0,
            extensions=version.extensions,
            reason_code=wish.reason_code,
            reason_vi=self.rules.reasons[wish.reason_code] if wish.reason_code else "",
            cause=wish.cause or "",
            new_due_at=new_due_at,
            number=wish.number,
            signer=wish.signer,
        )

    def _check(self, letter: Letter, version: FormVersion) -> None:
        if letter.new_due_at is None:
            return
        used = letter.extension - 1
        if used >= version.extensions:
            raise ExtensionsUsedUp(used, version.extensions)
        day = local_date(letter.new_due_at)
        if self.snapshot.state.is_finished:
            raise ValueRefused("new_due_on", "the dossier is finished (issue the letter without a new date)")
        if day <= local_date(self.now):
            raise ValueRefused("new_due_on", f"{day:%d/%m/%Y} is not after today (promise a day to come)")
        latest = max(self.apology.due_at, letter.extended_before or self.apology.due_at)
        if day <= local_date(latest):
            raise ValueRefused(
                "new_due_on", f"{day:%d/%m/%Y} is not after the promise of {local_date(latest):%d/%m/%Y}"
            )
        if version.new_date.working_day and not self.calendar.is_working(day):
            raise ValueRefused("new_due_on", f"{day:%d/%m/%Y} is no working day (promise a working day)")


def _as_drafted(wish: Wish, drafted: Action | None) -> Wish:
    """The draft's cause and new date, where the issue names none; raises `ValueRefused` for a new date and none at once."""
    if wish.without_new_date and wish.new_due_on is not None:
        raise ValueRefused("new_due_on", "is given, and none is wanted (leave one of the two out)")
    if drafted is None or drafted.letter is None:
        return wish
    letter = drafted.letter
    day = local_date(letter.new_due_at) if letter.new_due_at else None
    own = wish.reason_code is not None or wish.cause is not None
    return Wish(
        reason_code=wish.reason_code if own else letter.reason_code,
        cause=wish.cause if own else letter.cause,
        new_due_on=None if wish.without_new_date else wish.new_due_on or day,
        number=wish.number,
        signer=wish.signer,
    )


def statements(unit: str, dossier: str, issued: Action) -> list[Statement]:
    """What an issued letter tells the journal, under ids that are the same whenever it is told again.

    The cause's words stay with the letter: a statement carries its code alone.
    """
    assert issued.letter is not None
    letter = issued.letter
    code = dossier if len(dossier) <= LONGEST_CODE else sha256(dossier.encode()).hexdigest()
    key = f"{unit}/{code}/{letter.due_at.astimezone(LOCAL):%Y-%m-%dT%H:%M:%S}"

    def said(kind: Kind, facts: Facts) -> Statement:
        return Statement(
            source=OWN_SOURCE, id=f"{key}/{kind}", kind=kind, unit=unit, dossier=dossier, time=issued.at, facts=facts
        )

    told = [said(Kind.APOLOGISED, Facts(reason_code=letter.reason_code))]
    if letter.new_due_at is not None:
        extended = Facts(reason_code=letter.reason_code, extended_due_at=letter.new_due_at)
        told.append(said(Kind.EXTENDED, extended))
    return told
