"""How long dossiers take, and what follows for those still open; knows neither database nor clock.

Ages are working days under way: from the day after reception on, without the days on which the dossier waited for the
citizen. Chances to finish are estimated day by day of age (Kaplan–Meier), so that open dossiers count as far as they got;
a procedure with few cases leans on its field, a field on the whole unit. Random draws have a fixed seed: the same facts
give the same forecast.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

LEAST = 30
"""Finished dossiers below which nothing is forecast."""
LEANS_ON = 20.0
"""How many cases of the wider group stand behind a narrow one: a procedure with 20 of its own is half its own."""
DRAWS, SEED, LEVEL = 1000, 20251214, 1.0
"""`LEVEL`: how far all dossiers of a period may do better or worse together (standard deviation of log odds)."""
INTERVAL = 0.8

WorkingDays = Callable[[date, date], int]
"""Working days after the first day, up to and with the second."""


class TooLittleHistory(ValueError):
    """A forecast from a handful of cases would be a made-up number."""

    def __init__(self, unit: str, finished: int) -> None:
        super().__init__(
            f"unit {unit} has {finished} finished dossiers to learn from, {LEAST} are needed; no forecast is given"
        )


class PeriodIsOver(ValueError):
    """Nothing is left to foresee."""

    def __init__(self, end: date, on: date) -> None:
        super().__init__(
            f"the period ended on {end}, and {on} is not before that; its figures are known: motcua report show"
        )


class PeriodNotBegun(ValueError):
    """The first day is still to come."""

    def __init__(self, begin: date, on: date) -> None:
        super().__init__(f"the period begins on {begin}, after {on}; ask again from that day on")


class DayToCome(ValueError):
    """A forecast stands on what has happened."""

    def __init__(self, on: date, today: date) -> None:
        super().__init__(f"{on} has not come yet: today is {today}; choose a day that is over, or leave it out")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A dossier as it stands at the end of a day; `left`: working days to its promise, below 0 when that is broken."""

    code: str
    procedure: str
    field: str
    received_on: date
    due_on: date | None
    finished_on: date | None
    completed: bool
    waiting: bool
    age: int
    left: int | None

    @property
    def clock(self) -> int:
        """Where it stands: working days past its promise (below 0: before it), or its age when nothing was promised."""
        return self.age if self.left is None else -self.left

    @property
    def is_late(self) -> bool:
        """Finished after its promise, which only a completed dossier can be (contracts.md §5, column 10)."""
        return bool(self.completed and self.due_on and self.finished_on and self.finished_on > self.due_on)


def cases(spans: Iterable[Mapping[str, Any]], on: date, between: WorkingDays) -> list[Case]:
    """Each received dossier at the end of `on`, from its spans; what happens later does not exist."""
    by_code = defaultdict[str, list[Mapping[str, Any]]](list)
    for span in spans:
        if span["valid_from"] <= on and span["received_on"] <= on:
            by_code[span["code"]].append(span)
    return [_case(sorted(of, key=lambda one: one["valid_from"]), on, between) for of in by_code.values()]


def _case(spans: Sequence[Mapping[str, Any]], on: date, between: WorkingDays) -> Case:
    last = spans[-1]
    received, finished, due = last["received_on"], last["finished_on"], last["due_on"]
    end = min(finished or on, on)
    paused = sum(
        between(max(one["valid_from"], received), min(one["valid_to"], end))
        for one in spans
        if one["waiting"] and max(one["valid_from"], received) < min(one["valid_to"], end)
    )
    # while it waits its promise moves along: what is left is what was left when the pause began
    seen = max(last["valid_from"], received) if last["waiting"] and not finished else end
    return Case(
        code=last["code"], procedure=last["procedure"] or "–", field=last["field"], received_on=received, due_on=due,
        finished_on=finished, completed=last["outcome"] == "completed", waiting=last["waiting"],
        age=max(0, between(received, max(received, end)) - paused),
        left=None if due is None else between(seen, due) if due >= seen else min(-1, between(seen, due)),
    )  # fmt: skip


class Survival:
    """How many dossiers of one group are still open at each moment of their clocks, leaning on a wider group.

    The clock counts working days to the promise (-3: three days left, 1: a day late), for offices finish what is due;
    without a promise it counts the age.
    """

    def __init__(self, of: Sequence[Case], wider: Survival | None = None) -> None:
        self._wider = wider
        begun, self._ended, gone = Counter[int](), Counter[int](), Counter[int]()
        for one in of:
            begun[one.clock - one.age] += 1
            gone[one.clock] += 1
            self._ended[one.clock] += one.finished_on is not None
        self._open, count = dict[int, int](), 0
        for moment in range(min(begun, default=0), max(gone, default=0) + 1):
            count += begun[moment]
            self._open[moment] = count  # who comes and goes on one day was open on it
            count -= gone[moment]
        self._hazards = dict[int, float]()

    def hazard(self, moment: int) -> float:
        """Of the dossiers open at this moment, the share that finish on that day."""
        if moment not in self._hazards:
            open_, ended = self._open.get(moment, 0), self._ended[moment]
            prior = self._wider.hazard(moment) if self._wider else self._overall
            self._hazards[moment] = (ended + LEANS_ON * prior) / (open_ + LEANS_ON)
        return self._hazards[moment]

    @cached_property
    def _overall(self) -> float:
        """Finishes a day over all moments: what is left to say where nobody has been."""
        return self._ended.total() / max(1, sum(self._open.values()))

    def stays_open(self, moment: int, days: int) -> float:
        """The chance that a dossier open at this moment is still open so many working days later."""
        return math.prod(1 - self.hazard(moment + day) for day in range(1, days + 1))


def _groups(one: Case) -> list[tuple[Any, ...]]:
    """From the widest to the narrowest; dossiers with and without a promise have different clocks and never mix."""
    whole = one.left is not None
    return [(whole,), (whole, one.field), (whole, one.field, one.procedure)]


class Foresight:
    """What the past of one unit says about its open dossiers."""

    def __init__(self, unit: str, known: Sequence[Case]) -> None:
        finished = [one for one in known if one.finished_on]
        if len(finished) < LEAST:
            raise TooLittleHistory(unit, len(finished))
        self.known = known
        self.completed = (sum(one.completed for one in finished) + 1) / (len(finished) + 2)
        groups = defaultdict[tuple[Any, ...], list[Case]](list)
        for one in known:
            for group in _groups(one):
                groups[group].append(one)
        self._curves = dict[tuple[Any, ...], Survival]()
        for group in sorted(groups, key=lambda one: (len(one), one)):
            self._curves[group] = Survival(groups[group], self._curves.get(group[:-1]))

    def survival(self, one: Case) -> Survival:
        """The curve of the narrowest group that a dossier belongs to."""
        return next(self._curves[group] for group in reversed(_groups(one)) if group in self._curves)

    def breach(self, one: Case) -> float:
        """The chance that an open dossier is not finished on its promised day; 0 without a promise, 1 when it is broken."""
        if one.left is None:
            return 0.0
        return 1.0 if one.left < 0 else self.survival(one).stays_open(one.clock, one.left)

    def ending(self, one: Case, days: int) -> tuple[float, float]:
        """The chances to finish within so many working days on time, and late."""
        curve = self.survival(one)
        ends = 1 - curve.stays_open(one.clock, days)
        in_time = ends if one.left is None else 1 - curve.stays_open(one.clock, max(0, min(days, one.left)))
        late = (ends - in_time) * self.completed
        return ends - late, late


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """The on-time rate so far, expected at the end, and the bounds between which it ends 8 times of 10."""

    so_far: float | None
    expected: float | None
    low: float | None
    high: float | None


def outlook(of: Foresight, begin: date, end: date, on: date, between: WorkingDays) -> Outlook:
    """The share on time of all dossiers finished in the window, at its end (the measure `on_time_rate`).

    Assumes that dossiers arrive until the end as in the 60 working days before `on`, with the promises made then.
    """
    done = [one for one in of.known if one.finished_on and begin <= one.finished_on <= on]
    on_time, late = sum(not one.is_late for one in done), sum(one.is_late for one in done)
    days = between(on, end)
    chances = [of.ending(one, days) for one in of.known if not one.finished_on]
    chances += _arrivals(of, on, days, between)
    dice, rates = random.Random(SEED), list[float]()
    for _ in range(DRAWS):
        level = dice.gauss(0, LEVEL)
        good, bad = on_time, late
        for in_time, over in chances:
            drawn, shifted = dice.random(), _shift(in_time, over, level)
            good += drawn < shifted
            bad += shifted <= drawn < in_time + over
        if good + bad:
            rates.append(good / (good + bad))
    rates.sort()
    if not rates:
        return Outlook(so_far=None, expected=None, low=None, high=None)
    tail = (1 - INTERVAL) / 2
    return Outlook(
        so_far=on_time / len(done) if done else None,
        expected=sum(rates) / len(rates),
        low=rates[int(tail * len(rates))],
        high=rates[min(len(rates) - 1, int((1 - tail) * len(rates)))],
    )


def _shift(in_time: float, over: float, level: float) -> float:
    """The chance to end in time when everything goes better or worse by `level`, the chance to end at all being kept."""
    if not in_time or not over:
        return in_time
    return (in_time + over) / (1 + over / in_time * math.exp(-level))


def _arrivals(of: Foresight, on: date, days: int, between: WorkingDays) -> list[tuple[float, float]]:
    """The chances of dossiers still to come: those of the last 60 working days again, evenly over the days left."""
    recent = sorted(
        (one for one in of.known if between(one.received_on, on) < 60), key=lambda one: (one.received_on, one.code)
    )
    count = round(len(recent) * days / 60)
    found = list[tuple[float, float]]()
    for number in range(count):
        like = recent[number * len(recent) // count % len(recent)]
        limit = None if like.due_on is None else max(0, between(like.received_on, max(like.due_on, like.received_on)))
        fresh = Case(**{**like.__dict__, "age": 0, "left": limit, "finished_on": None, "waiting": False})
        found.append(of.ending(fresh, days - number * days // count))
    return found


def must_finish_by(of: Foresight, end: date) -> list[tuple[date, int]]:
    """How many open dossiers must be finished by the end of which day, so that none of the period's promises is broken."""
    due = Counter(
        one.due_on
        for one in of.known
        if not one.finished_on and not one.waiting and one.due_on and (one.left or 0) >= 0
    )
    return sorted((day, count) for day, count in due.items() if day <= end)
