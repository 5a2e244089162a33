"""What is done about broken promises: open an apology, follow what the journal says, write, issue, send and publish a letter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Any

import structlog

from services.dossier.apologies import repository
from services.dossier.apologies.deciding import Case, NothingToApologiseFor, Wish, statements
from services.dossier.apologies.domain import Action, Apology, Step, apology_for, derive
from services.dossier.apologies.repository import Actions, Recorded, Row, Wanted
from services.dossier.apologies.rules import ApologyRules
from services.dossier.domain import overdue_from
from services.dossier.doors import Doors
from services.dossier.metrics import DossierMetrics
from services.dossier.repository import Key, find_dossier
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.dossiers import Snapshot
from shared.localtime import local_date
from shared.workdays import Calendar

log = structlog.get_logger()

SWEEP = "motcua"
"""Who opens an apology."""
DOOR = "apology"
UNTOLD = 100


class UnknownDossier(LookupError):
    """Nobody has spoken of this dossier."""

    def __init__(self, unit: str, code: str) -> None:
        super().__init__(f"no dossier {code} in unit {unit} (check the code)")


class NoLetter(LookupError):
    """There is neither a draft nor an issued letter."""

    def __init__(self, code: str) -> None:
        super().__init__(f"dossier {code} has no letter (draft one first)")


class KeepApologies:
    """The apologies' part of recording a batch and of the sweep, in the caller's transaction.

    The caller holds the locks of the dossiers, so whatever is read here does not change before the commit.
    """

    async def follow(self, session: Session[Any], snapshots: Sequence[Snapshot]) -> None:
        """These dossiers have a new revision: derive their apologies anew, if any are or come to be known."""
        by_key = {(one.unit, one.dossier): one for one in snapshots}
        concerned = await repository.list_kept(session, by_key)
        concerned |= {key for key, one in by_key.items() if _is_spoken_of(one)}
        if concerned:
            await _derive(session, [by_key[key] for key in sorted(concerned)])

    async def open(self, session: Session[Any], snapshots: Sequence[Snapshot]) -> None:
        """These dossiers were called overdue for the promise that they have now."""
        opened = list[Recorded]()
        for one in snapshots:
            due_at = one.state.due_at
            assert due_at is not None
            action = Action(step=Step.OPENED, at=overdue_from(due_at), by=SWEEP)
            opened.append(Recorded(unit=one.unit, dossier=one.dossier, due_at=due_at, action=action))
        await repository.add_actions(session, opened)
        await _derive(session, snapshots)


async def _derive(session: Session[Any], snapshots: Sequence[Snapshot]) -> None:
    keys = [(one.unit, one.dossier) for one in snapshots]
    known = await _known(session, snapshots)
    await repository.save(session, keys, [(one, apology) for one, found in known for apology in found])


async def _known(session: Session[Any], snapshots: Sequence[Snapshot]) -> list[tuple[Snapshot, list[Apology]]]:
    keys: Collection[Key] = {(one.unit, one.dossier) for one in snapshots}
    # the journal is read for those alone of whom it tells: a burst of broken promises is mostly not apologised for
    spoken_of = {(one.unit, one.dossier) for one in snapshots if _is_spoken_of(one)}
    words = await repository.list_words(session, spoken_of) if spoken_of else {}
    actions = await repository.list_actions(session, keys)
    none: Actions = {}
    return [
        (one, derive(one, words.get((one.unit, one.dossier), ()), actions.get((one.unit, one.dossier), none)))
        for one in snapshots
    ]


def _is_spoken_of(one: Snapshot) -> bool:
    """The journal holds a word of apology or of a new date."""
    return one.state.extensions > 0 or one.state.apologised_at is not None


class WriteApologies:
    """People's actions: each is recorded once, with who and when; taken again with the same words, nothing changes."""

    def __init__(self, database: Database, clock: Clock, rules: ApologyRules, calendar: Calendar, doors: Doors) -> None:
        self._database, self._clock, self._rules, self._calendar = database, clock, rules, calendar
        self._doors = doors

    async def draft(self, unit: str, code: str, due_on: date | None, wish: Wish, by: str) -> Apology:
        """Keep a draft. Raises `UnknownDossier`, `NotAllowed`."""
        return await self._act(unit, code, due_on, by, lambda case: case.draft(wish))

    async def issue(self, unit: str, code: str, due_on: date | None, wish: Wish, by: str) -> Apology:
        """Issue the letter and tell the journal; returns when the journal has it.

        The action is committed first, so a crash between the two leaves a letter that `TellIssued` tells later, under the
        same ids. Raises `UnknownDossier`, `NotAllowed`, `NoReceipt` (issued, told later).
        """
        apology = await self._act(unit, code, due_on, by, lambda case: case.issue(wish))
        issued = apology.done(Step.ISSUED)
        assert issued is not None
        await self._doors.say(statements(unit, code, issued), DOOR)
        return apology

    async def mark(self, unit: str, code: str, due_on: date | None, step: Step, note: str, by: str) -> Apology:
        """Note that the letter was sent or published. Raises `UnknownDossier`, `NotAllowed`."""
        return await self._act(unit, code, due_on, by, lambda case: case.mark(step, note))

    async def _act(
        self, unit: str, code: str, due_on: date | None, by: str, decide: Callable[[Case], Action | None]
    ) -> Apology:
        async with self._database.transaction() as session:
            snapshot = await repository.lock_dossier(session, unit, code)
            if snapshot is None:
                raise UnknownDossier(unit, code)
            [(_, known)] = await _known(session, [snapshot])
            apology = chosen(snapshot, known, due_on)
            case = Case(
                snapshot=snapshot,
                apology=apology,
                others=known,
                rules=self._rules,
                calendar=self._calendar.for_unit(unit),
                now=self._clock.now(),
                by=by,
            )
            action: Action | None = decide(case)
            if action is None:
                return apology
            told = [one.id for one in statements(unit, code, action)] if action.step is Step.ISSUED else []
            done = Recorded(unit=unit, dossier=code, due_at=apology.due_at, action=action, statement_ids=told)
            await repository.add_actions(session, [done])
            await _derive(session, [snapshot])
        log.info("apology_recorded", unit=unit, dossier=code, step=action.step.value, statements=told)
        return apology_for(snapshot, apology.due_at, apology.words, [*apology.actions, action])


def chosen(snapshot: Snapshot, known: Sequence[Apology], due_on: date | None) -> Apology:
    """The apology for the promise of a day; without a day the newest that is known of, else that of the present promise.

    Raises `NothingToApologiseFor` for a promise that the dossier never made.
    """
    of_day = [one for one in known if due_on is None or local_date(one.due_at) == due_on]
    if of_day:
        return next((one for one in reversed(of_day) if not one.is_withdrawn), of_day[-1])
    due_at = snapshot.state.due_at
    if due_at is None or (due_on is not None and local_date(due_at) != due_on):
        raise NothingToApologiseFor(snapshot.dossier, None)
    return apology_for(snapshot, due_at)


class TellIssued:
    """Tells the journal of issued letters that it does not know: a crash came between the action and its statements."""

    def __init__(self, database: Database, doors: Doors, metrics: DossierMetrics) -> None:
        self._database, self._doors, self._metrics = database, doors, metrics
        self._counted = set[tuple[str, str]]()

    async def __call__(self) -> int:
        """Tell what is untold, and count what is open; returns how many letters were told."""
        async with self._database.transaction() as session:
            untold = await repository.list_untold(session, UNTOLD)
            counts = await repository.count_open(session)
        for labels in self._counted - counts.keys():
            self._metrics.open_apologies.labels(*labels).set(0)
        for labels, count in counts.items():
            self._metrics.open_apologies.labels(*labels).set(count)
        self._counted |= counts.keys()
        said = [statement for one in untold for statement in statements(one.unit, one.dossier, one.action)]
        if said:
            await self._doors.say(said, DOOR)
            log.info("apologies_told", count=len(untold), correlations=[statement.id for statement in said])
        return len(untold)


class ShowApologies:
    """Reads apologies: the list, those of one dossier, the letter that is drafted or issued."""

    def __init__(self, database: Database, rules: ApologyRules, calendar: Calendar) -> None:
        self._database, self._rules, self._calendar = database, rules, calendar

    async def page(self, wanted: Wanted) -> list[Row]:
        """A page of a unit's apologies, oldest promise first."""
        async with self._database.transaction() as session:
            return await repository.list_page(session, wanted)

    async def of(self, unit: str, code: str) -> list[Apology]:
        """Every apology of one dossier. Raises `UnknownDossier`."""
        return (await self._of(unit, code))[1]

    async def letter(self, unit: str, code: str, due_on: date | None) -> Action:
        """The action whose letter counts: the issued one, else the newest draft. Raises `UnknownDossier`, `NoLetter`."""
        snapshot, known = await self._of(unit, code)
        found = chosen(snapshot, known, due_on).newest_letter
        if found is None:
            raise NoLetter(code)
        return found

    def written_by(self, unit: str, due_at: datetime) -> date | None:
        """The day by which a letter about this promise should be out; `None` where no rules were in force."""
        day = local_date(due_at)
        version = self._rules.on(day)
        return self._calendar.for_unit(unit).add_working_days(day, -version.written_by) if version else None

    async def _of(self, unit: str, code: str) -> tuple[Snapshot, list[Apology]]:
        async with self._database.transaction() as session:
            snapshot = await find_dossier(session, unit, code)
            if snapshot is None:
                raise UnknownDossier(unit, code)
            [(_, known)] = await _known(session, [snapshot])
        return snapshot, known
