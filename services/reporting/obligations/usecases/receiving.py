"""Hand in a department's report, and correct it until it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog

from services.reporting.domain import RoleMissing
from services.reporting.obligations import repository
from services.reporting.obligations.domain import (
    AlreadyReceived,
    WrongDay,
    check_day,
    check_order,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.usecases.shelf import CENTRE_ROLE, Named, Shelf
from shared.database import Session
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date, start_of_day
from shared.parties import Party

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Document:
    """The paper that was handed in, and the figures that its sender confirms with it."""

    number: str = ""
    date: date | None = None
    link: str = ""
    figures: Mapping[str, int] | None = None

    def as_row(self) -> dict[str, Any]:
        """As it is kept."""
        return {"number": self.number, "date": self.date.isoformat() if self.date else None, "link": self.link}


class HandIn:
    """Receives a department's report: its own token today, the centre's for any day on which the paper came."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(self, named: Named, document: Document, on: date | None, *, by: Party, correct: bool) -> Row:
        """The row afterwards; the same again changes nothing.

        Raises `RoleMissing`, `WrongDay`, `AlreadyReceived`, `OutOfOrder` and what `Shelf.lock` raises.
        """
        now = self._shelf.clock.now()
        today = local_date(now)
        day = _may_hand_in(by, named.agency, on, today)
        async with self._shelf.database.transaction() as session:
            row = await self._shelf.lock(session, named)
            if row["received_at"] is not None:
                return await self._again(session, row, document, on, now, by, correct=correct)
            check_order(row, OwedReportEvent.RECEIVED)
            check_day(row, day, today)
            row = await repository.change(
                session, row, state=OwedReportEvent.RECEIVED.value, handed_in_on=day, received_at=now, received_by=by.name,
                document=document.as_row(), figures=_figures(document),
            )  # fmt: skip
            await self._shelf.say(session, OwedReportEvent.RECEIVED, row, now if day == today else start_of_day(day))
        self._shelf.poke()
        log.info("unit_report_received", unit=row["unit"], report=row["code"], on=day.isoformat())
        return row

    async def _again(
        self,
        session: Session[Any],
        row: Row,
        document: Document,
        on: date | None,
        now: datetime,
        by: Party,
        *,
        correct: bool,
    ) -> Row:
        """The same is the same receipt; another document, or another day that the centre states, corrects it until it is checked."""
        on = on or row["handed_in_on"]
        same = (row["document"], row["figures"], row["handed_in_on"]) == (document.as_row(), _figures(document), on)
        if same:
            return row
        if not correct:
            raise AlreadyReceived(row["code"], row["handed_in_on"], row["document"]["number"])
        if row["state"] != OwedReportEvent.RECEIVED:
            check_order(row, OwedReportEvent.RECEIVED)
        check_day(row, on, local_date(now))
        row = await repository.change(
            session,
            row,
            now,
            handed_in_on=on,
            document=document.as_row(),
            figures=_figures(document),
            received_by=by.name,
        )
        await self._shelf.say(session, OwedReportEvent.RECEIVED, row, now)
        self._shelf.poke()
        return row


def _may_hand_in(by: Party, agency: str, on: date | None, today: date) -> date:
    if CENTRE_ROLE in by.roles:
        return on or today
    if f"agency:{agency}" not in by.roles:
        needed = f"the role '{CENTRE_ROLE}', or 'agency:{agency}', is needed"
        raise RoleMissing(f"{by.name} may not hand in reports of {agency}; {needed}")
    if on is not None and on != today:
        raise WrongDay(
            f"{by.name} hands in today, {today:%d/%m/%Y}; only the centre may say that the paper came earlier"
        )
    return today


def _figures(document: Document) -> dict[str, int] | None:
    return dict(document.figures) if document.figures else None
