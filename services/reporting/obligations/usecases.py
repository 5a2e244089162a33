"""What people do about owed reports: hand in, check, send, acknowledge, ask for one, and look at the calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from services.reporting.documents import period_title
from services.reporting.domain import RoleMissing
from services.reporting.obligations import messages, repository
from services.reporting.obligations.domain import (
    AlreadyReceived,
    FiguresDiffer,
    NoSuchObligation,
    Owed,
    WrongDay,
    check_day,
    check_order,
    code_of,
    differences,
    owe,
    owed_between,
)
from services.reporting.obligations.repository import Row
from services.reporting.obligations.rules import Obligation, Obligations, PartyKind
from services.reporting.obligations.saying import name_of, said
from services.reporting.obligations.watching import moved
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.owed_reports import OwedReportEvent
from shared.localtime import local_date, start_of_day
from shared.parties import Party
from shared.periods import Period, PeriodKind, PeriodRules, period, window_code
from shared.units import Units
from shared.workdays import Calendar

log = structlog.get_logger()
CENTRE_ROLE = "reporter"
WIDEST = timedelta(days=3 * 366)
FURTHEST = timedelta(days=400)
"""A report falls due so long after its closing at most (`Due.working_days_after_closing`)."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """Which owed report a person means; `owed_to` only where one agency owes the same report to several."""

    unit: str
    agency: str
    period: str
    form: str
    owed_to: str | None = None


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


def _need_centre(by: Party, deed: str) -> None:
    if CENTRE_ROLE not in by.roles:
        raise RoleMissing(f"{by.name} may not {deed}; the role '{CENTRE_ROLE}' is needed")


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
        _need_centre(by, "check reports")
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


class HandToLeaders:
    """Says that the centre's report was handed to the leaders, and that they took note; the city's moves by itself."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(self, named: Named, event: OwedReportEvent, *, by: Party) -> Row:
        """`SENT` or `ACKNOWLEDGED`; again changes nothing. Raises `RoleMissing`, `OutOfOrder` and what `Shelf.lock` raises."""
        _need_centre(by, "hand reports to the leaders")
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


class RequestReport:
    """Asks for a report on any window (báo cáo đột xuất): whoever the rules let be asked owes it from now on."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(
        self,
        unit: str,
        owed_by: str,
        form: str,
        begin: date,
        end: date,
        due_on: date | None,
        document: str,
        *,
        by: Party,
    ) -> list[Row]:
        """The rows, one for each agency asked; asked for already, it stays as it is.

        Raises `RoleMissing`, `UnknownPeriod` (upside down), `PeriodBeforeUnit`, `WrongDay`, `NoSuchObligation`.
        """
        _need_centre(by, "ask for reports")
        now = self._shelf.clock.now()
        days = period(window_code(begin, end), self._shelf.periods, self._shelf.units.get(unit).founded)
        if due_on is not None and due_on < max(days.end, local_date(now)):
            raise WrongDay(f"a report about the days until {days.end:%d/%m/%Y} cannot be due on {due_on:%d/%m/%Y}")
        asked = [
            owe(
                unit,
                agency,
                rung,
                days,
                self._shelf.calendar,
                due_on or self._due_by(rung, days, local_date(now), unit),
            )
            for agency, rung in self._shelf.book.in_force(unit, PeriodKind.AD_HOC, days.end)
            if agency in self._shelf.book.members(owed_by) and rung.form == form
        ]
        if not asked:
            raise NoSuchObligation(
                unit, f"{owed_by}/…/{form}/ad_hoc", "no ad_hoc entry of obligations.yaml lets it be asked"
            )
        async with self._shelf.database.transaction() as session:
            wanted = [(one, True) for one in asked]
            added = await repository.add_new(session, self._shelf.book, wanted, now, request=document)
            await outbox.add(session, [said(self._shelf.book, OwedReportEvent.OPENED, row, now) for row in added])
            codes = {one.code for one in asked}
            rows = [row for row in await repository.list_owed(session, [unit]) if row["code"] in codes]
        self._shelf.poke()
        return rows

    def _due_by(self, rung: Obligation, days: Period, today: date, unit: str) -> date | None:
        """So many working days after the closing, or after the day on which it is asked: nobody is late when asked."""
        count = rung.due.working_days_after_closing if rung.due else None
        if count is None:
            return None
        return self._shelf.calendar.for_unit(unit).add_working_days(max(days.end, today), count)


class ShowCalendar:
    """What is owed and what is coming, by the day on which it falls due."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def __call__(self, units: Sequence[str], first: date | None, last: date | None) -> list[dict[str, Any]]:
        """Owed reports that fall due from `first` to `last`, inclusive; one without a day stands after its closing.

        By default from a month ago to half a year ahead. Raises `UnknownUnit`, `WrongDay` for a window upside down or
        longer than three years.
        """
        today = local_date(self._shelf.clock.now())
        first = first or today - timedelta(days=31)
        last = last or max(first, today) + timedelta(days=183)
        if last < first:
            raise WrongDay(f"the window ends on {last} before it starts on {first}; swap --from and --to")
        if last - first > WIDEST:
            raise WrongDay(f"{first} to {last} is more than three years; ask for less")
        async with self._shelf.database.transaction() as session:
            rows = await repository.list_owed(session, units)
        found = [shown(self._shelf.book, row, today) for row in rows]
        known = {(one["unit"], one["code"]) for one in found}
        for unit in units:
            closed_after = max(today, first - FURTHEST)
            found += [one for one in self._coming(unit, closed_after, last) if (unit, one["code"]) not in known]
        chosen = [one for one in found if first <= _day_of(one) <= last]
        return sorted(chosen, key=_place)

    def _coming(self, unit: str, first: date, last: date) -> list[dict[str, Any]]:
        shelf = self._shelf
        founded = shelf.units.get(unit).founded
        coming = owed_between(shelf.book, shelf.periods, shelf.calendar, unit, founded, first, last)
        return [_planned(shelf.book, one) for one in coming]


def _day_of(one: Mapping[str, Any]) -> date:
    due: date | None = one["due"]
    closing: date = one["to"]
    return due or closing + timedelta(days=1)


def _place(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return _day_of(one), one["unit"], one["period"], one["due"] is None, one["owed_to"], one["owed_by"]


def _planned(book: Obligations, owed: Owed) -> dict[str, Any]:
    parties = {
        "owed_by": owed.owed_by, "owed_by_vi": name_of(book, owed.owed_by), "owed_by_kind": book.parties[owed.owed_by].kind,
        "owed_to": owed.owed_to, "owed_to_vi": name_of(book, owed.owed_to), "owed_to_kind": book.parties[owed.owed_to].kind,
    }  # fmt: skip
    return {
        "unit": owed.unit, "code": owed.code, "rung": owed.rung, **parties, "form": owed.form, "period": owed.period.code,
        "period_vi": period_title(owed.period.code), "from": owed.period.begin, "to": owed.period.end, "due": owed.due_on,
        "warnings": list(owed.warnings), "assumed": owed.assumed, "state": "planned", "late": False, "handed_in_on": None,
        "document": None,
    }  # fmt: skip


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
