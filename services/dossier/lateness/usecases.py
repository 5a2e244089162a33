"""Answers how many dossiers of a window are late, why, and which."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.dossier.lateness.domain import Cause, Late, Lateness, judge
from services.dossier.lateness.repository import list_suspects, list_told
from shared.database import Database
from shared.localtime import end_of_day, start_of_day
from shared.workdays import Calendar

PAGE = 500
Horizons = Callable[[], Awaitable[Mapping[str, datetime | None]]]
"""How far each source was heard by now: a backlog or an outage of ours makes nobody late."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """The dossiers of a unit whose promised day lies between two days, both inclusive."""

    unit: str
    begin: date
    end: date


@dataclass(kw_only=True)
class Group:
    """The late dossiers of one field or agency: how many for real, how many on paper only, and their minutes by cause."""

    name: str | None
    real: int = 0
    paper: int = 0
    minutes: dict[Cause, int] = field(default_factory=lambda: dict.fromkeys(Cause, 0))

    def add(self, one: Lateness) -> None:
        """Count one dossier."""
        self.real += one.late is Late.REAL
        self.paper += one.late is Late.PAPER
        for cause, minutes in one.parts.items():
            self.minutes[cause] += minutes


class ShowLateness:
    """Judges the suspects of a window, page by page; nothing is stored, so nothing can be out of date."""

    def __init__(self, database: Database, calendar: Calendar, horizons: Horizons) -> None:
        self._database, self._calendar, self._horizons = database, calendar, horizons

    async def groups(self, window: Window, by: str) -> list[Group]:
        """The window's figures by `field` or `agency`, sorted by name; a dossier without one is under `None`."""
        groups = dict[str | None, Group]()
        async for one in self._late(window, after=""):
            groups.setdefault(_name(one, by), Group(name=_name(one, by))).add(one)
        return sorted(groups.values(), key=lambda group: (group.name is None, group.name or ""))

    async def dossiers(
        self, window: Window, wanted: Iterable[Late], by: str, name: str | None, after: str, limit: int
    ) -> list[Lateness]:
        """The dossiers behind the figures: of these kinds and, when `name` is given, of that field or agency (`""`: none)."""
        kinds, page = set(wanted), list[Lateness]()
        async for one in self._late(window, after=after):
            if one.late in kinds and name in (None, _name(one, by) or ""):
                page.append(one)
                if len(page) == limit:
                    break
        return page

    async def _late(self, window: Window, after: str) -> AsyncIterator[Lateness]:
        begin, end = start_of_day(window.begin), end_of_day(window.end)
        calendar, horizons, more = self._calendar.for_unit(window.unit), await self._horizons(), True
        while more:
            async with self._database.transaction() as session:
                suspects = await list_suspects(session, window.unit, begin, end, after, PAGE)
                told = await list_told(session, window.unit, [code for code, _ in suspects])
            for code, source in suspects:
                after = code
                if (heard := horizons.get(source)) is not None and (one := judge(told[code], calendar, heard)):
                    yield one
            more = len(suspects) == PAGE


def _name(one: Lateness, by: str) -> str | None:
    return one.field if by == "field" else one.agency
