"""What was known of a dossier, and when: a plane of two days, the day it was known and the day it is about.

The newest revision answers every day of knowledge on which it says the same as the revision known then. Only where it
says otherwise is the older answer kept, as rectangles. Statements told on the day they happened need none.
What is said to happen after a day was not known on that day, whoever said it early.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

EVER, NEVER = date.min, date.max
State = Mapping[str, Any]
Steps = Sequence[tuple[date, State | None]]
"""How a dossier stands from each day on, oldest first, beginning with `EVER`; `None` while it is not received."""

UNHEARD: Steps = ((EVER, None),)


class HistoryBeginsLater(ValueError):
    """Nothing is known about what was known then."""

    def __init__(self, day: date, begins: date) -> None:
        super().__init__(f"what was known on {day} is not on record: history begins on {begins}; ask for a later day")


class NothingHeardYet(ValueError):
    """There is no history at all."""

    def __init__(self) -> None:
        super().__init__("nothing has been heard yet, so there is no history; import or receive dossiers first")


class NotYetKnown(ValueError):
    """A day of knowledge in the future."""

    def __init__(self, day: date, today: date) -> None:
        super().__init__(f"{day} has not come yet: today is {today}; leave known_on out for the figures of now")


class DaysTheWrongWayRound(ValueError):
    """An explanation goes from an earlier to a later day of knowledge."""

    def __init__(self, earlier: date, later: date) -> None:
        super().__init__(f"known_from {earlier} is not before known_to {later}; swap them, or choose two days")


class NotKept(ValueError):
    """Something of which only the present is known."""

    def __init__(self, kind: str) -> None:
        what = f"{kind.replace('_', ' ')}s"
        super().__init__(f"of {what} only what is known now is kept; leave known_on out for the {what} of now")


def check_day(day: date, begins: date | None, today: date) -> None:
    """Raise `NotYetKnown`, `NothingHeardYet` or `HistoryBeginsLater` for a day of which nothing can be said."""
    if day > today:
        raise NotYetKnown(day, today)
    if begins is None:
        raise NothingHeardYet
    if day < begins:
        raise HistoryBeginsLater(day, begins)


@dataclass(frozen=True, kw_only=True)
class Version:
    """What was known from `known_from` to the day before `known_to`."""

    known_from: date
    known_to: date
    steps: Steps


def steps_of(spans: Iterable[Mapping[str, Any]], end: date) -> Steps:
    """The spans of one dossier (`shared.facts.spans`) as steps; `end` is the day that means for ever."""
    found: list[tuple[date, State | None]] = list(UNHEARD)
    for span in sorted(spans, key=lambda one: one["valid_from"]):
        state = {name: value for name, value in span.items() if name not in ("valid_from", "valid_to")}
        if found[-1][0] == span["valid_from"] and len(found) > 1:
            found.pop()
        found.append((span["valid_from"], state))
        if span["valid_to"] != end:
            found.append((span["valid_to"], None))
    return found


def at(steps: Steps, day: date) -> State | None:
    """The state at the end of a day."""
    return next(state for begin, state in reversed(steps) if begin <= day)


def since(steps: Steps, day: date) -> Steps:
    """The steps from a day on."""
    return [(day, at(steps, day)), *(one for one in steps if one[0] > day)]


def first_difference(one: Steps, other: Steps) -> date:
    """The first day on which they differ, `NEVER` when they do not."""
    if one == other:
        return NEVER
    days = sorted({day for day, _ in one} | {day for day, _ in other})
    return next((day for day in days if at(one, day) != at(other, day)), NEVER)


def versions(base: Steps, kept: Sequence[Version]) -> list[Version]:
    """Everything that was ever known, without a gap: the newest revision with what is kept put over it."""
    found, day = list[Version](), EVER
    for one in sorted(kept, key=lambda version: version.known_from):
        if day < one.known_from:
            found.append(Version(known_from=day, known_to=one.known_from, steps=base))
        begin = one.steps[0][0]
        before = [step for step in base if step[0] < begin]
        found.append(replace(one, steps=[*before, *one.steps]))
        day = one.known_to
    return [*found, Version(known_from=day, known_to=NEVER, steps=base)]


def learn(known: Sequence[Version], steps: Steps, known_from: date, known_to: date) -> list[Version]:
    """Put a revision in the place of what was known from `known_from` to the day before `known_to`."""
    if known_from >= known_to:
        return list(known)
    before = [replace(one, known_to=min(one.known_to, known_from)) for one in known if one.known_from < known_from]
    after = [replace(one, known_from=max(one.known_from, known_to)) for one in known if one.known_to > known_to]
    return [*before, Version(known_from=known_from, known_to=known_to, steps=steps), *after]


def worth_keeping(known: Sequence[Version], base: Steps) -> list[Version]:
    """Where the newest revision says otherwise; from the first day on which it does, for nothing earlier is asked of it."""
    found = list[Version]()
    for one in known:
        begin = first_difference(one.steps, base)
        if max(one.known_from, begin) < one.known_to:
            # nobody asks what was known about a day behind the last day of knowledge
            steps = [step for step in since(one.steps, begin) if step[0] < one.known_to]
            found.append(Version(known_from=max(one.known_from, begin), known_to=one.known_to, steps=steps))
    return found


def known_at(known: Sequence[Version], day: date) -> Steps:
    """What was known at the end of a day; what happened later was not known, so the last state goes on."""
    steps = next(one.steps for one in known if one.known_from <= day < one.known_to)
    return [step for step in steps if step[0] <= day]


def first_disagreement(one: Sequence[Version], other: Sequence[Version]) -> date:
    """The first day of knowledge on which two histories answer differently about any day up to it, `NEVER` when on none."""
    begin = EVER
    for end in sorted({version.known_to for version in (*one, *other)}):
        steps = [next(version.steps for version in known if version.known_to >= end) for known in (one, other)]
        if (day := first_difference(*steps)) < end:
            return max(begin, day)
        begin = end
    return NEVER


def changes(known: Sequence[Version], day: date) -> tuple[date, dict[str, tuple[Any, Any]]] | None:
    """What became known on a day: since when it holds, and column by column what stood there before and after."""
    before, after = known_at(known, day - timedelta(days=1)), known_at(known, day)
    happened = first_difference(before, after)
    if happened == NEVER:
        return None
    old, new = at(before, NEVER) or {}, at(after, NEVER) or {}
    if old == new:  # the present agrees, an earlier stretch does not
        old, new = at(before, happened) or {}, at(after, happened) or {}
    names = sorted(old.keys() | new.keys())
    return happened, {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
