"""One unit's one-stop centre: what comes in on a day, through which channel, under which code, and when it is taken in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from math import exp
from random import Random

from shared.events.statements import Facts, Kind
from shared.localtime import local_date
from shared.workdays import Calendar
from simulation.life import Happening, Intake, Life
from simulation.office import DAY, Office, at
from simulation.scenario import Channel, Procedure, Scenario, UnknownUnit

WEEKDAYS = (1.22, 1.06, 0.96, 0.92, 0.84, 0.5, 0.5)
BRIDGE = 0.6
"""What comes in on a working day beside a weekday off, against an ordinary one."""
INTAKE_LIMIT_MINUTES = 8 * 60


class Centre:
    """The centre of one unit; days must be played in order, because codes count on."""

    def __init__(self, unit: str, seed: int, scenario: Scenario, calendar: Calendar) -> None:
        if unit not in scenario.units:
            raise UnknownUnit(unit, scenario)
        self._scenario, self._profile = scenario, scenario.units[unit]
        # A text seeds the same stream in every process; the unit in it keeps units independent of each other.
        self._random = Random(f"{seed}/{unit}/life")
        self._office = Office(calendar, self._random)
        self._life = Life(scenario, self._profile, self._office, self._random)
        self._numbers: Counter[date] = Counter()
        self._portal_codes: set[str] = set()
        weights = (procedure.share * self._profile.mix.get(procedure.field, 1.0) for procedure in scenario.procedures)
        self._weights = list(accumulate(weights))

    def play(self, day: date) -> Iterator[Happening]:
        """Live every dossier that is filed on this day; nothing happens before it, much happens long after."""
        filings = sorted((self._filing(day) for _ in range(self._volume(day))), key=lambda filing: filing[0])
        for instant, procedure, channel in filings:
            if channel == "online":
                yield from self._file_online(instant, procedure)
            else:
                yield from self._life.live(self._intake(procedure, channel, received_at=instant))

    def _volume(self, day: date) -> int:
        growth = 1 + self._profile.growth * self._scenario.progress(day)
        usual = self._profile.per_day * growth
        if not self._office.is_open(day):
            return self._poisson(usual * self._scenario.life.nonworking_day)
        beside = (near for near in (day - DAY, day + DAY) if near.weekday() < 5)
        bridge = 1.0 if all(self._office.is_open(near) for near in beside) else BRIDGE
        return self._poisson(usual * WEEKDAYS[day.weekday()] * bridge)

    def _filing(self, day: date) -> tuple[datetime, Procedure, Channel]:
        procedure = self._procedure()
        if not self._office.is_open(day):
            while not procedure.online:
                procedure = self._procedure()
            return self._leisure(day), procedure, "online"
        if self._happens(self._profile.online.at(self._scenario.progress(day)) * procedure.online):
            after_hours = self._happens(self._scenario.life.evening)
            return self._evening(day) if after_hours else self._desk(day), procedure, "online"
        by_post = procedure.post and self._happens(self._scenario.life.post)
        return self._desk(day), procedure, "post" if by_post else "direct"

    def _procedure(self) -> Procedure:
        return self._random.choices(self._scenario.procedures, cum_weights=self._weights)[0]

    def _file_online(self, submitted_at: datetime, procedure: Procedure) -> Iterator[Happening]:
        taken_at = self._office.later(submitted_at, self._intake_minutes())
        intake = self._intake(procedure, "online", submitted_at=submitted_at, received_at=taken_at)
        filed = Facts(
            procedure=procedure.code,
            procedure_name=procedure.name,
            field=procedure.field,
            channel="online",
            service_level=procedure.level,
            applicant=procedure.applicant,
            submitted_at=submitted_at,
        )
        yield Happening(at=submitted_at, kind=Kind.SUBMITTED, dossier=intake.dossier, facts=filed)
        if self._happens(self._scenario.life.refused):
            reason = self._random.choice(self._scenario.reasons.refused)
            facts = Facts(reason=reason.text, reason_code=reason.code)
            yield Happening(at=taken_at, kind=Kind.REFUSED, dossier=intake.dossier, facts=facts)
        else:
            yield from self._life.live(intake)

    def _intake(
        self, procedure: Procedure, channel: Channel, *, received_at: datetime, submitted_at: datetime | None = None
    ) -> Intake:
        day = local_date(received_at)
        if submitted_at and self._happens(self._scenario.life.random_code):
            code = self._portal_code(local_date(submitted_at))
        else:
            self._numbers[day] += 1
            code = f"{self._profile.code}-{day:%y%m%d}-{self._numbers[day]:04d}"
        return Intake(
            dossier=code, procedure=procedure, channel=channel, submitted_at=submitted_at, received_at=received_at
        )

    def _portal_code(self, day: date) -> str:
        code = ""
        while not code or code in self._portal_codes:
            code = f"{self._profile.code}-{day:%y%m%d}-{self._random.randint(10000, 99999)}"
        self._portal_codes.add(code)
        return code

    def _intake_minutes(self) -> int:
        if self._happens(self._scenario.life.intake_late):
            return INTAKE_LIMIT_MINUTES + 1 + int(self._random.expovariate(1 / 300))
        return min(INTAKE_LIMIT_MINUTES - 10, int(self._random.lognormvariate(4.0, 0.9)))

    def _desk(self, day: date) -> datetime:
        """Two of three come in the morning, most of them soon after opening."""
        if self._happens(0.66):
            return self._office.instant(day, 0.53 * self._random.betavariate(1.6, 2.6))
        return self._office.instant(day, 0.53 + 0.465 * self._random.betavariate(1.5, 2.0))

    def _evening(self, day: date) -> datetime:
        return self._clock(day, 17.2 + self._random.betavariate(1.8, 2.4) * 6)

    def _leisure(self, day: date) -> datetime:
        return self._clock(day, 7.0 + self._random.random() * 16)

    def _clock(self, day: date, hours: float) -> datetime:
        return (at(day, time()) + timedelta(hours=hours)).replace(microsecond=0)

    def _poisson(self, mean: float) -> int:
        """Knuth's way; means here are tens."""
        limit, product, count = exp(-mean), self._random.random(), 0
        while product > limit:
            product *= self._random.random()
            count += 1
        return count

    def _happens(self, share: float) -> bool:
        return self._random.random() < share
