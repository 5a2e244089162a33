"""Hand the centre's report to the leaders."""

from __future__ import annotations

from services.reporting.obligations import repository
from services.reporting.obligations.domain import (
    NoSuchObligation,
    check_order,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.rules import PartyKind
from services.reporting.obligations.usecases.shelf import Named, Shelf, need_centre
from services.reporting.obligations.watching import moved
from shared.events.owed_reports import OwedReportEvent
from shared.parties import Party


class HandToLeaders:
    """Says that the centre's report was handed to the leaders, and that they took note; the city's moves by itself."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(self, named: Named, event: OwedReportEvent, *, by: Party) -> Row:
        """`SENT` or `ACKNOWLEDGED`; again changes nothing. Raises `RoleMissing`, `OutOfOrder` and what `Shelf.lock` raises."""
        need_centre(by, "hand reports to the leaders")
        now = self._shelf.clock.now()
        async with self._shelf.database.transaction() as session:
            row = await self._shelf.lock(session, named)
            if row["owed_to_kind"] != PartyKind.LEADERS:
                raise NoSuchObligation(row["unit"], row["code"], "only a report to the leaders is handed over by hand")
            if row[f"{event.value}_at"] is None:
                check_order(row, event)
                row = await repository.change(session, row, **moved(event, now))
                await self._shelf.say(session, event, row, now)
        self._shelf.poke()
        return row
