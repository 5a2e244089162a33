"""What every deed about an owed report needs, and an owed report as people read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from services.reporting.documents import period_title
from services.reporting.domain import RoleMissing
from services.reporting.obligations import messages, repository
from services.reporting.obligations.domain import (
    NoSuchObligation,
    code_of,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.rules import Obligations
from services.reporting.obligations.saying import name_of, said
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date
from shared.parties import Party
from shared.periods import PeriodRules, period
from shared.units import Units
from shared.workdays import Calendar

CENTRE_ROLE = "reporter"


@dataclass(frozen=True, kw_only=True)
class Named:
    """Which owed report a person means; `owed_to` only where one agency owes the same report to several."""

    unit: str
    agency: str
    period: str
    form: str
    owed_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What every use case here needs."""

    database: Database
    clock: Clock
    book: Obligations
    calendar: Calendar
    units: Units
    periods: PeriodRules
    poke: Callable[[], None] = field(repr=False)

    async def say(self, session: Session[Any], event: OwedReportEvent, row: Row, time: datetime) -> None:
        """Leave the event in the outbox of this transaction."""
        await outbox.add(session, [said(self.book, event, row, time)])

    async def lock(self, session: Session[Any], named: Named) -> Row:
        """The one row that a person means, held; raises `NoSuchObligation`, `UnknownUnit`, `PeriodBeforeUnit`, `UnknownPeriod`."""
        founded = self.units.get(named.unit).founded
        days = period(named.period, self.periods, founded)
        code = code_of(named.agency, named.owed_to or "…", named.form, named.period)
        rows = await repository.lock(session, named.unit, named.agency, named.form, days.code, named.owed_to)
        if len(rows) > 1:
            receivers = ", ".join(row["owed_to"] for row in rows)
            raise NoSuchObligation(named.unit, code, f"it is owed to {receivers}; say which")
        if rows:
            return rows[0]
        if named.agency not in self.book.parties:
            raise NoSuchObligation(named.unit, code, f"unknown agency; known: {', '.join(sorted(self.book.parties))}")
        if days.begin > local_date(self.clock.now()):
            raise NoSuchObligation(named.unit, code, f"the period begins on {days.begin:%d/%m/%Y}")
        raise NoSuchObligation(named.unit, code)


def need_centre(by: Party, deed: str) -> None:
    """Raise `RoleMissing` unless the party is the centre's."""
    if CENTRE_ROLE not in by.roles:
        raise RoleMissing(f"{by.name} may not {deed}; the role '{CENTRE_ROLE}' is needed")


def shown(book: Obligations, row: Row, today: date) -> dict[str, Any]:
    """A row as people and machines read it."""
    warnings = [*row["warnings"], *([] if row["watched"] or row["handed_in_on"] else [messages.UNWATCHED])]
    copied = (
        "unit", "code", "owed_by_kind", "owed_to", "owed_to_kind", "form", "period", "state", "revision", "assumed",
        "late", "handed_in_on", "received_at", "received_by", "document", "figures", "checked_at", "checked_by", "checked",
        "compiled_at", "sent_at", "acknowledged_at", "request",
    )  # fmt: skip
    return {
        **{name: row[name] for name in copied}, "rung": row["field"], "owed_by": row["agency"],
        "owed_by_vi": name_of(book, row["agency"]), "owed_to_vi": name_of(book, row["owed_to"]),
        "period_vi": period_title(row["period"]), "from": row["begin"], "to": row["end"], "due": row["due_on"],
        "warnings": warnings, "is_due": row["due_on"] == today and row["handed_in_on"] is None,
    }  # fmt: skip
