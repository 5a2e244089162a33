"""Check a received report against the agency's own dossiers."""

from __future__ import annotations

from typing import Any

from services.reporting.obligations import repository
from services.reporting.obligations.domain import (
    FiguresDiffer,
    check_order,
    differences,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.usecases.shelf import Named, Shelf, need_centre, shown
from shared.database import Session
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date
from shared.parties import Party


class CheckReport:
    """The centre checks a received report against the agency's own dossiers."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def beside(self, named: Named) -> dict[str, Any]:
        """The owed report with the figures confirmed, those counted now, and where they differ."""
        async with self._shelf.database.transaction() as session:
            row = await self._shelf.lock(session, named)
            return {
                **shown(self._shelf.book, row, local_date(self._shelf.clock.now())),
                **await self._compared(session, row),
            }

    async def __call__(self, named: Named, note: str, *, by: Party) -> dict[str, Any]:
        """Note it as checked, with what was compared; raises `FiguresDiffer` when figures differ and no note says why.

        Raises `RoleMissing`, `OutOfOrder` and what `Shelf.lock` raises; checking again changes nothing.
        """
        need_centre(by, "check reports")
        now = self._shelf.clock.now()
        async with self._shelf.database.transaction() as session:
            row = await self._shelf.lock(session, named)
            if row["checked_at"] is None:
                check_order(row, OwedReportEvent.CHECKED)
                compared = await self._compared(session, row)
                if compared["differences"] and not note.strip():
                    raise FiguresDiffer(row["code"], compared["differences"])
                row = await repository.change(
                    session, row, state=OwedReportEvent.CHECKED.value, checked_at=now, checked_by=by.name,
                    checked={"counted": compared["counted"], "differences": compared["differences"], "note": note.strip()},
                )  # fmt: skip
                await self._shelf.say(session, OwedReportEvent.CHECKED, row, now)
        self._shelf.poke()
        return shown(self._shelf.book, row, local_date(now))

    async def _compared(self, session: Session[Any], row: Row) -> dict[str, Any]:
        counted = await repository.count_own(session, row["unit"], row["agency"], row["begin"], row["end"])
        return {"counted": counted, "differences": differences(row["figures"], counted)}
