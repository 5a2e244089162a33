"""Answer a board: who may see which units, the window, each panel's figures, and the lists behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.board import repository
from services.reporting.board.domain import Asked
from shared.boards import Board, Catalogue, Panel, Queries, Source
from shared.clock import Clock
from shared.database import Database
from shared.localtime import local_date
from shared.parties import Party

PAGE = 100
"""Rows of a list on one page."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a reader may choose among, and what was chosen."""

    units: Sequence[tuple[str, str]]
    periods: Sequence[str]
    asked: Asked
    all_units: bool


class NothingToShow(LookupError):
    """No unit with figures that this reader may see, or a period that no rule knows."""


class ShowBoards:
    """Figures of panels and the lists behind them, as of now."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock) -> None:
        self._database, self.catalogue, self._clock = database, catalogue, clock
        self._queries = Queries(catalogue.targets)

    async def choose(self, party: Party, units: Sequence[str], period: str | None) -> Choice:
        """The window for some units (none: all that the party may see); raises `Forbidden`, `NothingToShow`."""
        now = self._clock.now()
        today = local_date(now)
        async with self._database.transaction() as session:
            known = [one for one in await repository.list_units(session) if party.may_speak_for(one[0])]
            for unit in units:
                party.must_speak_for(unit)
            wanted = list(units) or [code for code, _ in known]
            window = await repository.find_window(session, wanted, period, today)
            if window is None:
                raise NothingToShow(period or today.isoformat())
            return Choice(
                units=known,
                periods=await repository.list_periods(session, today),
                all_units=not units,
                asked=Asked(
                    units=wanted, period=window["code"], begin=window["begin"], end=window["end"], today=today, now=now
                ),
            )

    async def figures(self, board: Board, asked: Asked) -> dict[str, list[dict[str, Any]]]:
        """Rows of every SQL panel of a board by its id, all as of one moment."""
        found = dict[str, list[dict[str, Any]]]()
        async with self._database.transaction() as session:
            await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            for panel in board.panels:
                if panel.source is Source.POSTGRES:
                    found[panel.id] = await repository.ask(session, self._queries.render(panel.query or ""), asked)
        return found

    async def behind(self, panel: Panel, asked: Asked, key: str | None, page: int) -> tuple[int, list[dict[str, Any]]]:
        """How many rows the list behind a panel has, and one page of them (from 1)."""
        assert panel.listed is not None
        query = repository.list_query(self._queries, panel.listed)
        async with self._database.transaction() as session:
            await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            total = await repository.count_list(session, query, asked, key)
            rows = await repository.page_of_list(session, query, asked, key, PAGE, (page - 1) * PAGE)
        return total, rows

    def threshold(self, panel: Panel, asked: Asked) -> int | None:
        """What a plan asks of a panel's figure, when one unit is looked at and the plan is its own."""
        target = self.catalogue.targets.get(panel.target or "")
        return target.at_least if target is not None and list(asked.units) == [target.unit] else None
