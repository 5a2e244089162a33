"""Petitions (phản ánh, kiến nghị) of one unit: what is handed in on a day, and the life of each until its answer or longer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from random import Random

from shared.events.petitions import PetitionFacts, PetitionKind
from shared.localtime import local_date
from shared.workdays import Calendar
from simulation.office import Office
from simulation.scenario import Channel, Habits, Profile, Scenario

CHANNELS: tuple[Channel, ...] = ("online", "direct", "post")


@dataclass(frozen=True, kw_only=True, slots=True)
class PetitionHappening:
    """One thing that happened to one petition."""

    at: datetime
    kind: PetitionKind
    petition: str
    facts: PetitionFacts


class PetitionDesk:
    """Where a unit's petitions come in; days must be played in order, because codes count on.

    It draws from a random stream of its own: dossiers are the same with and without it.
    """

    def __init__(self, unit: str, seed: int, scenario: Scenario, calendar: Calendar) -> None:
        self._random = Random(f"{seed}/{unit}/petitions")
        self._office = Office(calendar, self._random)
        self._habits: Habits = scenario.petitions
        self._profile: Profile = scenario.units[unit]
        self._number = 0

    def play(self, day: date) -> Iterator[PetitionHappening]:
        """Live every petition that is taken in on this day; nothing of it happens before."""
        if not self._office.is_open(day):
            return
        for received_at in sorted(self._office.instant(day, self._random.random()) for _ in range(self._volume())):
            self._number += 1
            yield from self._live(f"PAKN-{self._profile.code}-{day:%y%m%d}-{self._number:04d}", received_at)

    def _volume(self) -> int:
        """None, one or two, as often as the unit's mean asks for; it is below two."""
        mean = self._profile.petitions_per_day
        return sum(self._happens(mean / 2) for _ in range(2))

    def _live(self, code: str, received_at: datetime) -> Iterator[PetitionHappening]:
        habits, field = self._habits, self._random.choice(self._habits.fields)
        is_wrong = self._happens(habits.wrong_field)
        said = self._random.choice(habits.fields) if is_wrong else field
        channel = self._random.choices(CHANNELS, (75, 20, 5))[0]
        facts = PetitionFacts(received_at=received_at, channel=channel, field=said)
        yield self._say(code, received_at, PetitionKind.RECEIVED, facts)
        if said != field:
            yield self._say(code, self._after(received_at, 1, 3), PetitionKind.UPDATED, PetitionFacts(field=field))
        if self._happens(habits.rejected):
            reason = self._random.choice(habits.reasons)
            at = self._after(received_at, 1, 4)
            yield self._say(code, at, PetitionKind.REJECTED, PetitionFacts(reason_code=reason))
            return
        is_complex = self._happens(habits.complex)
        yield from self._pass_on(code, received_at, is_complex=is_complex)
        if not self._happens(habits.never_answered):
            yield from self._answer(code, received_at, is_complex=is_complex)

    def _pass_on(self, code: str, received_at: datetime, *, is_complex: bool) -> Iterator[PetitionHappening]:
        of_staff = self._happens(self._habits.staff)
        facts = PetitionFacts(petition_class="staff" if of_staff else "rules", complex=is_complex or None)
        yield self._say(code, self._after(received_at, 0, 1), PetitionKind.CLASSIFIED, facts)
        first, last = (6, 8) if self._happens(self._habits.late_transfer) else (1, 4)
        transferred_at = self._after(received_at, first, last)
        agency = PetitionFacts(agency=self._random.choice(self._habits.agencies))
        yield self._say(code, transferred_at, PetitionKind.TRANSFERRED, agency)
        yield self._say(code, self._after(transferred_at, 0, 1), PetitionKind.PROCESSING, PetitionFacts())

    def _answer(self, code: str, received_at: datetime, *, is_complex: bool) -> Iterator[PetitionHappening]:
        limit = 20 if is_complex else 15
        is_late = self._happens(self._habits.late_answer)
        answered_at = self._after(received_at, *((limit + 1, limit + 6) if is_late else (9, limit - 1)))
        yield self._say(code, answered_at, PetitionKind.ANSWERED, PetitionFacts())
        if self._happens(self._habits.published):
            yield self._say(code, self._after(answered_at, 1, 3), PetitionKind.PUBLISHED, PetitionFacts())
        if not self._happens(self._habits.rated):
            return
        satisfied = self._happens(self._habits.satisfied)
        rated_at = self._after(answered_at, 1, 5)
        yield self._say(code, rated_at, PetitionKind.RATED, PetitionFacts(satisfied=satisfied))
        if not satisfied and self._happens(self._habits.reopened):
            again_at = self._after(rated_at, 1, 4)
            yield self._say(code, again_at, PetitionKind.REOPENED, PetitionFacts())
            yield self._say(code, self._after(again_at, 5, 12), PetitionKind.ANSWERED, PetitionFacts())

    def _after(self, instant: datetime, first: int, last: int) -> datetime:
        """Some working days later, in working time, never before it."""
        days = self._random.randint(first, last)
        return self._office.sometime(self._office.days_after(local_date(instant), days), instant)

    def _say(self, code: str, at: datetime, kind: PetitionKind, facts: PetitionFacts) -> PetitionHappening:
        return PetitionHappening(at=at, kind=kind, petition=code, facts=facts)

    def _happens(self, share: float) -> bool:
        return self._random.random() < share
