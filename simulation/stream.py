"""What the feed of a centre says and when: in a real one, statements come twice, late, out of order, or after an outage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import count
from random import Random

from shared.events.statements import RANK, Statement
from shared.workdays import Calendar
from simulation.centre import Centre
from simulation.life import Happening
from simulation.office import DAY, midnight
from simulation.scenario import Feed, Scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A statement, and when the feed says it; `statement.time` is when it happened."""

    statement: Statement
    said_at: datetime


def simulate(
    units: Sequence[str], seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario
) -> Iterator[Said]:
    """Everything that is said from the first to the last day, both inclusive, in the order in which it is said.

    The same arguments give the same statements; another unit beside it or a later end changes nothing of what a unit
    says before. Raises `UnknownUnit` at the first step.
    """
    feeds = [_say_unit(unit, seed, begin, end, calendar, scenario) for unit in dict.fromkeys(units)]
    return merge(*feeds, key=lambda said: (said.said_at, said.statement.source, said.statement.id))


def said_of_new_dossiers(said: Iterable[Said], begin: datetime) -> Iterator[Said]:
    """What is said of dossiers that nobody heard of before `begin`.

    A stream that begins later is another centre with the same ids; this is a later part of the same one, so that parts
    which overlap say the same and count once.
    """
    old = set[tuple[str, str]]()
    for one in said:
        dossier = (one.statement.unit, one.statement.dossier)
        if one.said_at < begin:
            old.add(dossier)
        elif dossier not in old:
            yield one


def _say_unit(unit: str, seed: int, begin: date, end: date, calendar: Calendar, scenario: Scenario) -> Iterator[Said]:
    centre = Centre(unit, seed, scenario, calendar)
    faults = Faults(unit, Random(f"{seed}/{unit}/feed"), scenario.feed)
    source = f"/onestop/{scenario.province}/{unit}"
    ids = (f"hp-{unit}-{number:06d}" for number in count(1))
    order = count()
    happening: list[tuple[datetime, int, int, Happening]] = []
    waiting: list[tuple[datetime, int, Statement]] = []

    for number in range((end - begin).days + 1):
        day = begin + DAY * number
        for one in centre.play(day):
            heappush(happening, (one.at, RANK[one.kind], next(order), one))
        # Later days bring nothing that happens or is said before tomorrow.
        tomorrow = midnight(day + DAY)
        while happening and happening[0][0] < tomorrow:
            statement = _state(heappop(happening)[-1], unit, source, next(ids))
            for said_at in faults.said(statement.time):
                heappush(waiting, (said_at, next(order), statement))
        while waiting and waiting[0][0] < tomorrow:
            said_at, _, statement = heappop(waiting)
            yield Said(statement=statement, said_at=said_at)


def _state(one: Happening, unit: str, source: str, id: str) -> Statement:
    return Statement(
        source=source,
        id=id,
        kind=one.kind,
        unit=unit,
        dossier=one.dossier,
        time=one.at,
        facts=one.facts,
        correlation=id,
    )


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
