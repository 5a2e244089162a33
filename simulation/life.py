"""The life of one dossier from its reception to its end, as it happens; nothing here knows when the feed says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from msgspec.structs import replace

from shared.events.statements import Facts, Kind
from shared.localtime import local_date
from simulation.office import DAY, Office, at
from simulation.scenario import Channel, Course, Procedure, Profile, Reason, Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class Happening:
    """One thing that happened to one dossier."""

    at: datetime
    kind: Kind
    dossier: str
    facts: Facts


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """A dossier as it is taken in."""

    dossier: str
    procedure: Procedure
    channel: Channel
    submitted_at: datetime | None
    received_at: datetime


class Life:
    """Lives dossiers of one unit to their ends."""

    def __init__(self, scenario: Scenario, profile: Profile, office: Office, random: Random) -> None:
        self._scenario, self._profile, self._office, self._random = scenario, profile, office, random
        self._shares = scenario.life

    def live(self, intake: Intake) -> Iterator[Happening]:
        """Everything that happens from the reception on, not sorted by time; an unfinished dossier just ends."""
        procedure, start = intake.procedure, intake.received_at
        due = self._due(start, procedure.limit_of(intake.channel))
        handed_on = local_date(due) > local_date(start)

        yield from self._received(intake, due, handed_on)
        if handed_on:
            start = self._office.later(start, 5 + int(self._random.expovariate(1 / 45)))
            yield self._say(intake, start, Kind.PROCESSING, self._step(procedure, start, due))

        waits = ((Kind.SUPPLEMENT_REQUESTED, procedure.supplement), (Kind.PAYMENT_REQUESTED, procedure.payment))
        for kind, probability in waits:
            if self._happens(probability):
                asked_at = self._within(start, due, 0.1, 0.6)
                answered_at = self._answered_at(asked_at)
                yield self._say(intake, asked_at, kind, self._reason(kind))
                if self._happens(self._shares.unanswered):
                    yield from self._unanswered(intake, asked_at)
                    return
                due = self._moved(due, asked_at, answered_at)
                start = answered_at
                yield self._say(intake, start, Kind.SUPPLEMENTED, Facts(due_at=due))
        yield from self._end(intake, start, due, handed_on)

    def _received(self, intake: Intake, due: datetime, handed_on: bool) -> Iterator[Happening]:
        procedure, channel, shares = intake.procedure, intake.channel, self._shares
        right = Facts(
            procedure=procedure.code,
            procedure_name=procedure.name,
            field=procedure.field,
            agency="ttpvhcc" if handed_on else procedure.agency,
            channel=channel,
            service_level=procedure.level,
            applicant=procedure.applicant,
            submitted_at=intake.submitted_at,
            received_at=intake.received_at,
            due_at=due,
            fee_due=procedure.fee,
            paid_online=self._pays_online(intake) if procedure.fee else None,
            digitised_input=self._happens(self._now(self._profile.digitised_input, intake.received_at)),
            reused_data=self._happens(shares.reused_data),
            postal_return=channel == "post" or self._happens(shares.postal_return),
            cross_boundary=self._happens(shares.cross_boundary),
            inter_agency=procedure.inter_agency or None,
        )
        wrong, correction = self._mistake(right)
        yield self._say(intake, intake.received_at, Kind.RECEIVED, wrong)
        if correction is not None:
            noticed_on = self._office.days_after(local_date(intake.received_at), self._random.randint(1, 6))
            yield self._say(intake, self._office.sometime(noticed_on, intake.received_at), Kind.UPDATED, correction)

    def _mistake(self, right: Facts) -> tuple[Facts, Facts | None]:
        if not self._happens(self._shares.wrong_facts):
            return right, None
        reason = self._write(self._scenario.reasons.corrected)
        if right.channel == "online":
            return replace(right, channel="direct"), replace(reason, channel="online")
        field = self._random.choice(self._scenario.procedures).field
        return replace(right, field=field), replace(reason, field=right.field)

    def _end(self, intake: Intake, start: datetime, due: datetime, handed_on: bool) -> Iterator[Happening]:
        unresolved = self._unresolved()
        if unresolved is not None:
            yield self._say(intake, self._within(start, due, 0.2, 0.9), unresolved, self._reason(unresolved))
        elif self._is_late(intake.procedure, due):
            yield from self._late(intake, start, due, handed_on)
        else:
            yield from self._complete(intake, self._in_time(start, due), handed_on, late=False)

    def _unresolved(self) -> Kind | None:
        shares, dice = self._shares, self._random.random()
        for kind, share in (
            (Kind.WITHDRAWN, shares.withdrawn),
            (Kind.RETURNED, shares.returned),
            (Kind.STOPPED, shares.stopped),
        ):
            if dice < share:
                return kind
            dice -= share
        return None

    def _is_late(self, procedure: Procedure, due: datetime) -> bool:
        rush = self._shares.rush_late if self._scenario.is_rush(local_date(due)) else 1.0
        return self._happens(self._now(self._profile.late, due) * procedure.late * rush)

    def _in_time(self, start: datetime, due: datetime) -> datetime:
        first, last = local_date(start), local_date(due)
        if first < last and self._happens(self._shares.early):
            working_days = self._office.days_between(first, last)
            day = self._office.days_after(first, int(working_days * self._random.betavariate(3, 2)))
        else:
            day = last
        return self._office.sometime(day, start)

    def _late(self, intake: Intake, start: datetime, due: datetime, handed_on: bool) -> Iterator[Happening]:
        finished_on = self._office.days_after(local_date(due), self._days_late())
        finished_at = self._office.sometime(finished_on, max(start, due))
        reason = self._write(self._scenario.reasons.late)
        if self._happens(self._now(self._profile.apology, due)):
            yield from self._apologise(intake, start, due, finished_at, reason)
        if not self._happens(self._shares.stuck):
            yield from self._complete(intake, finished_at, handed_on, late=True, reason=reason)

    def _apologise(
        self, intake: Intake, start: datetime, due: datetime, finished_at: datetime, reason: Facts
    ) -> Iterator[Happening]:
        """A letter, a new date or both, before the promise breaks or soon after; never after the result."""
        if self._happens(self._shares.apology_before_due):
            written_at = self._within(start, due, 0.8, 1.0)
        else:
            written_at = self._within(max(start, due), finished_at, 0.0, 0.5)
        new_day = self._office.days_after(local_date(finished_at), self._random.choice((0, 0, 1)))
        new_date = replace(reason, extended_due_at=at(new_day, self._scenario.due_time))
        letter, new_promise = (Kind.APOLOGISED, reason), (Kind.EXTENDED, new_date)
        for kind, facts in self._random.choices(([letter], [new_promise], [letter, new_promise]), (25, 55, 20))[0]:
            yield self._say(intake, min(written_at, finished_at), kind, facts)

    def _complete(
        self, intake: Intake, completed_at: datetime, handed_on: bool, *, late: bool, reason: Facts | None = None
    ) -> Iterator[Happening]:
        profile = self._profile
        copy = self._copy(completed_at) if intake.procedure.certified_copy else None
        e_result = copy == "electronic" if copy else self._happens(self._now(profile.e_result, completed_at))
        result = replace(
            reason or Facts(),
            digitised_result=self._happens(self._now(profile.digitised_result, completed_at)),
            e_result=e_result,
            result_file=e_result or self._happens(0.5),
            certified_copy=copy,
            agency=intake.procedure.agency if handed_on else None,
            internal_finished_at=completed_at if handed_on else None,
        )
        yield self._say(intake, completed_at, Kind.COMPLETED, result)
        if self._happens(self._shares.never_collected) and not e_result:
            return
        collected_at = self._collected_at(intake, completed_at, e_result)
        yield self._say(intake, collected_at, Kind.HANDED_OVER, Facts())
        if self._happens(self._shares.rated):
            days, minutes = self._random.choice((0, 0, 0, 1, 2)), self._random.randint(1, 15)
            rated_at = collected_at + timedelta(days=days, minutes=minutes)
            yield self._say(intake, rated_at, Kind.RATED, Facts(rating=self._rating(intake, rated_at, late)))
        if self._happens(self._shares.reopened):
            yield from self._reopen(intake, collected_at, result)

    def _reopen(self, intake: Intake, collected_at: datetime, result: Facts) -> Iterator[Happening]:
        day = self._office.days_after(local_date(collected_at), self._random.randint(3, 10))
        again_at = self._office.sometime(day, collected_at)
        completed_at = self._office.later(again_at, self._random.randint(60, 900))
        yield self._say(intake, again_at, Kind.PROCESSING, self._reason(Kind.PROCESSING))
        yield self._say(intake, completed_at, Kind.COMPLETED, result)
        yield self._say(intake, self._office.later(completed_at, 20), Kind.HANDED_OVER, Facts())

    def _copy(self, instant: datetime) -> Literal["paper", "electronic"]:
        return "electronic" if self._happens(self._now(self._profile.certified_e_copy, instant)) else "paper"

    def _collected_at(self, intake: Intake, completed_at: datetime, e_result: bool) -> datetime:
        """An electronic result is there at once, at the counter people wait for what is done the same day, else they come back."""
        if e_result and intake.channel == "online":
            return completed_at + timedelta(minutes=self._random.randint(1, 30))
        if local_date(completed_at) == local_date(intake.received_at) and intake.channel == "direct":
            return self._office.later(completed_at, self._random.randint(2, 20))
        day = self._office.days_after(local_date(completed_at), min(12, int(self._random.expovariate(1 / 1.5))))
        return self._office.sometime(day, completed_at)

    def _unanswered(self, intake: Intake, asked_at: datetime) -> Iterator[Happening]:
        if self._happens(self._shares.unanswered_ended):
            kind = self._random.choice((Kind.STOPPED, Kind.RETURNED))
            day = self._office.days_after(local_date(asked_at), self._random.randint(20, 40))
            yield self._say(intake, self._office.sometime(day, asked_at), kind, self._reason(kind))

    def _answered_at(self, asked_at: datetime) -> datetime:
        days = min(30, int(self._random.lognormvariate(1.1, 0.8)))
        return self._office.sometime(local_date(asked_at) + DAY * days, asked_at)

    def _due(self, start: datetime, limit: int) -> datetime:
        """The promise on the slip: so many working days, or the same day if it is early enough."""
        day = local_date(start)
        if limit == 0 and start.timetz().replace(tzinfo=None) >= self._scenario.same_day_until:
            limit = 1
        return at(self._office.days_after(day, limit), self._scenario.due_time)

    def _moved(self, due: datetime, asked_at: datetime, answered_at: datetime) -> datetime:
        """The rest of the limit runs on after the answer."""
        return self._due(answered_at, self._office.days_between(local_date(asked_at), local_date(due)))

    def _within(self, start: datetime, end: datetime, low: float, high: float) -> datetime:
        """A working instant in a part of the time between, later than `start`."""
        wish = start + (end - start) * self._random.uniform(low, high)
        return self._office.later(max(wish, start), 2)

    def _step(self, procedure: Procedure, start: datetime, due: datetime) -> Facts:
        """The department's own step ends a working day before the promise, where there is one to spare."""
        days = max(0, self._office.days_between(local_date(start), local_date(due)) - 1)
        internal_due = at(self._office.days_after(local_date(start), days), self._scenario.due_time)
        return Facts(agency=procedure.agency, internal_received_at=start, internal_due_at=internal_due)

    def _days_late(self) -> int:
        return min(25, 1 + int(self._random.expovariate(1 / 2.2)))

    def _pays_online(self, intake: Intake) -> bool:
        way = self._profile.paid_online["online" if intake.channel == "online" else "counter"]
        return self._happens(self._now(way, intake.received_at))

    def _rating(self, intake: Intake, instant: datetime, late: bool) -> int:
        satisfied = self._now(self._profile.satisfied_in.get(intake.procedure.field, self._profile.satisfied), instant)
        if self._happens(satisfied * (self._shares.satisfied_when_late if late else 1)):
            return self._random.choices((5, 4), (7, 3))[0]
        return self._random.choices((3, 2, 1), (6, 3, 1))[0]

    def _reason(self, kind: Kind) -> Facts:
        reasons = self._scenario.reasons
        lists: dict[Kind, Sequence[Reason]] = {
            Kind.SUPPLEMENT_REQUESTED: reasons.supplement,
            Kind.PAYMENT_REQUESTED: reasons.payment,
            Kind.RETURNED: reasons.returned,
            Kind.STOPPED: reasons.stopped,
            Kind.WITHDRAWN: reasons.withdrawn,
            Kind.PROCESSING: reasons.reopened,
        }
        return self._write(lists[kind])

    def _write(self, reasons: Sequence[Reason]) -> Facts:
        reason = self._random.choice(reasons)
        return Facts(reason=reason.text, reason_code=reason.code)

    def _now(self, share: Course, instant: datetime) -> float:
        return share.at(self._scenario.progress(local_date(instant)))

    def _happens(self, share: float) -> bool:
        return self._random.random() < share

    def _say(self, intake: Intake, instant: datetime, kind: Kind, facts: Facts) -> Happening:
        return Happening(at=instant, kind=kind, dossier=intake.dossier, facts=facts)
