"""What the feed of a centre says and when: in a real one, statements come twice, late, out of order, or after an outage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import count
from random import Random
from typing import Generic, Protocol, TypeVar

from shared.events.petitions import PETITION_RANK, PetitionStatement
from shared.events.records import Record
from shared.events.statements import RANK, Statement
from shared.workdays import Calendar
from simulation.centre import Centre
from simulation.life import Happening
from simulation.office import DAY, midnight
from simulation.petitions import PetitionDesk, PetitionHappening
from simulation.scenario import Feed, Scenario

Stated = TypeVar("Stated", bound=Record, covariant=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said(Generic[Stated]):
    """A statement, and when the feed says it; `statement.time` is when it happened."""

    statement: Stated
    said_at: datetime


def simulate(
    units: Sequence[str], seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario
) -> Iterator[Said[Statement]]:
    """All that is said of dossiers from the first to the last day, both inclusive, in the order in which it is said.

    The same arguments give the same statements; another unit beside it or a later end changes nothing of what a unit
    says before. Raises `UnknownUnit`.
    """
    feeds = [_say_dossiers(unit, seed, begin, end, calendar, scenario) for unit in dict.fromkeys(units)]
    return merge(*feeds, key=_by_time)


def simulate_all(
    units: Sequence[str], seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario
) -> Iterator[Said[Record]]:
    """As `simulate`, with what is said of petitions between; of dossiers it says the same."""
    dossiers = simulate(units, seed, begin, end, calendar, scenario)
    petitions = [_say_petitions(unit, seed, begin, end, calendar, scenario) for unit in dict.fromkeys(units)]
    return merge(dossiers, *petitions, key=_by_time)


def _by_time(said: Said[Record]) -> tuple[datetime, str, str]:
    return said.said_at, said.statement.source, said.statement.id


def said_of_new_dossiers(said: Iterable[Said[Record]], begin: datetime) -> Iterator[Said[Record]]:
    """What is said of dossiers and petitions of which nobody heard before `begin`.

    A stream that begins later is another centre with the same ids; this is a later part of the same one, so that parts
    which overlap say the same and count once.
    """
    old = set[tuple[str, str]]()
    for one in said:
        about = (one.statement.unit, one.statement.code)
        if one.said_at < begin:
            old.add(about)
        elif about not in old:
            yield one


def _say_dossiers(
    unit: str, seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario
) -> Iterator[Said[Statement]]:
    centre = Centre(unit, seed, scenario, calendar)
    faults = Faults(unit, Random(f"{seed}/{unit}/feed"), scenario.feed)
    source, ids = _source(unit, scenario), (f"hp-{unit}-{number:06d}" for number in count(1))

    def state(one: Happening) -> Statement:
        return Statement(
            source=source, id=(id := next(ids)), kind=one.kind, unit=unit, dossier=one.dossier, time=one.at,
            facts=one.facts, correlation=id,
        )  # fmt: skip

    return _feed(begin, end, centre.play, lambda one: RANK[one.kind], state, faults)


def _say_petitions(
    unit: str, seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario
) -> Iterator[Said[PetitionStatement]]:
    desk = PetitionDesk(unit, seed, scenario, calendar)
    faults = Faults(unit, Random(f"{seed}/{unit}/petition-feed"), scenario.feed)
    source, ids = _source(unit, scenario), (f"hp-{unit}-pakn-{number:06d}" for number in count(1))

    def state(one: PetitionHappening) -> PetitionStatement:
        return PetitionStatement(
            source=source, id=(id := next(ids)), kind=one.kind, unit=unit, petition=one.petition, time=one.at,
            facts=one.facts, correlation=id,
        )  # fmt: skip

    return _feed(begin, end, desk.play, lambda one: PETITION_RANK[one.kind], state, faults)


def _source(unit: str, scenario: Scenario) -> str:
    return f"/onestop/{scenario.province}/{unit}"


class _Happens(Protocol):
    @property
    def at(self) -> datetime: ...


Happened = TypeVar("Happened", bound=_Happens)
Told = TypeVar("Told", bound=Record)


def _feed(
    begin: date,
    end: date,
    play: Callable[[date], Iterator[Happened]],
    rank: Callable[[Happened], int],
    state: Callable[[Happened], Told],
    faults: Faults,
) -> Iterator[Said[Told]]:
    order = count()
    happening: list[tuple[datetime, int, int, Happened]] = []
    waiting: list[tuple[datetime, int, Told]] = []

    for number in range((end - begin).days + 1):
        day = begin + DAY * number
        for one in play(day):
            heappush(happening, (one.at, rank(one), next(order), one))
        # Later days bring nothing that happens or is said before tomorrow.
        tomorrow = midnight(day + DAY)
        while happening and happening[0][0] < tomorrow:
            statement = state(heappop(happening)[-1])
            for said_at in faults.said(statement.time):
                heappush(waiting, (said_at, next(order), statement))
        while waiting and waiting[0][0] < tomorrow:
            said_at, _, statement = heappop(waiting)
            yield Said(statement=statement, said_at=said_at)


class Faults:
    """Decides when something is said, and whether it is said again."""

    def __init__(self, unit: str, random: Random, feed: Feed) -> None:
        self._random, self._feed = random, feed
        self._outages = [outage for outage in feed.outages if outage.unit == unit]

    def said(self, time: datetime) -> Iterator[datetime]:
        first = time + self._delay()
        yield self._after_outages(first)
        if self._happens(self._feed.duplicated):
            yield self._after_outages(first + timedelta(minutes=self._random.randint(1, 3 * 24 * 60)))

    def _delay(self) -> timedelta:
        if self._happens(self._feed.late):
            if self._happens(self._feed.very_late):
                return timedelta(hours=self._random.uniform(5 * 24, 14 * 24))
            return timedelta(hours=min(5 * 24, 1 + self._random.expovariate(1 / 16)))
        if self._happens(self._feed.overtaken):
            return timedelta(minutes=self._random.uniform(5, 45))
        return timedelta(seconds=self._random.uniform(1, 60))

    def _after_outages(self, instant: datetime) -> datetime:
        for outage in self._outages:
            instant = outage.said(instant, self._feed.burst_ratio)
        return instant

    def _happens(self, share: float) -> bool:
        return self._random.random() < share
