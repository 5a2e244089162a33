"""HTTP door to obligations: the calendar, and what people do about owed reports."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.reporting.domain import FORM, RoleMissing
from services.reporting.obligations.domain import AlreadyReceived, FiguresDiffer, NoSuchObligation, OutOfOrder
from services.reporting.obligations.repository import Row
from services.reporting.obligations.usecases import (
    CheckReport,
    Document,
    HandIn,
    HandToLeaders,
    Named,
    RequestReport,
    Shelf,
    ShowCalendar,
    shown,
)
from shared.answers import Refusals
from shared.events.owed_reports import OwedReportEvent
from shared.http import MAX_NUMBER, YEARS, Key
from shared.localtime import local_date
from shared.measures import COLUMNS
from shared.parties import Party, Tokens
from shared.units import UnknownUnit


def _in_our_time(day: date) -> date:
    if day.year not in YEARS:
        raise ValueError(f"lies in the year {day.year}; give a date between 1900 and 2199")
    return day


def _columns(figures: dict[str, int]) -> dict[str, int]:
    if unknown := sorted(figures.keys() - COLUMNS.keys()):
        raise ValueError(f"unknown columns {', '.join(unknown)}; known: {', '.join(COLUMNS)}")
    return figures


Day = Annotated[date, AfterValidator(_in_our_time)]
Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f]*$")]
Figures = Annotated[dict[str, Annotated[int, Field(ge=0, le=MAX_NUMBER)]], AfterValidator(_columns)]


class Owing(BaseModel):
    """Which owed report is meant."""

    model_config = ConfigDict(populate_by_name=True)

    unit: Key
    agency: Key = Field(alias="from")
    period: Key
    form: Key = FORM
    owed_to: Key | None = Field(default=None, alias="to")

    @property
    def named(self) -> Named:
        """As the use cases take it."""
        return Named(unit=self.unit, agency=self.agency, period=self.period, form=self.form, owed_to=self.owed_to)


class HandingIn(Owing):
    """The document, the day on which it came when that is not today, and the figures that its sender confirms."""

    number: Text = ""
    document_date: Day | None = None
    link: Text = ""
    figures: Figures | None = None
    on: Day | None = None
    correct: bool = False


class Checking(Owing):
    """Why figures differ, when they do."""

    note: Text = ""


class Asking(BaseModel):
    """A report on request: of whom, about which days, by when."""

    model_config = ConfigDict(populate_by_name=True)

    unit: Key
    agency: Key = Field(alias="from")
    form: Key = FORM
    begin: Day
    end: Day
    due: Day | None = None
    document: Annotated[Text, Field(min_length=1)]


REFUSALS = Refusals(
    forbidden=(RoleMissing,),
    unknown=(NoSuchObligation, UnknownUnit),
    conflict=(OutOfOrder, AlreadyReceived, FiguresDiffer),
)


@dataclass(frozen=True, kw_only=True)
class Deeds:
    """What people may do."""

    hand_in: HandIn
    check: CheckReport
    leaders: HandToLeaders
    ask: RequestReport
    calendar: ShowCalendar


class ObligationsApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, deeds: Deeds, shelf: Shelf, tokens: Tokens) -> None:
        self._do, self._shelf, self._tokens = deeds, shelf, tokens

    def router(self) -> APIRouter:
        """The calendar, one owed report, and the deeds."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/calendar", self.calendar, methods=["GET"])
        router.add_api_route("/owed", self.owed, methods=["GET"])
        router.add_api_route("/owed/hand-in", self.hand_in, methods=["POST"])
        router.add_api_route("/owed/check", self.check, methods=["POST"])
        router.add_api_route("/owed/send", self.send, methods=["POST"])
        router.add_api_route("/owed/acknowledge", self.acknowledge, methods=["POST"])
        router.add_api_route("/owed/request", self.ask, methods=["POST"])
        return router

    async def calendar(
        self,
        request: Request,
        unit: Annotated[list[str], Query(max_length=120)],
        begin: Annotated[Day | None, Query(alias="from")] = None,
        end: Annotated[Day | None, Query(alias="to")] = None,
    ) -> Response:
        """What is owed and what is coming, by the day on which it falls due; by default a month back, half a year ahead."""
        party = self._tokens.party(request)
        for one in unit:
            party.must_speak_for(one)
        return await REFUSALS.answer(self._do.calendar(unit, begin, end))

    async def owed(
        self,
        request: Request,
        unit: str,
        agency: Annotated[str, Query(alias="from")],
        period: str,
        form: str = FORM,
        owed_to: Annotated[str | None, Query(alias="to")] = None,
    ) -> Response:
        """One owed report, the figures confirmed with it and those of the agency's own dossiers, column by column."""
        self._tokens.reader(request, unit)
        named = Named(unit=unit, agency=agency, period=period, form=form, owed_to=owed_to)
        return await REFUSALS.answer(self._do.check.beside(named))

    async def hand_in(self, request: Request, wanted: HandingIn) -> Response:
        """A department's report was received; needs the role `reporter`, or `agency:<slug>` of that very agency."""
        party = self._party(request, wanted.unit)
        document = Document(
            number=wanted.number, date=wanted.document_date, link=wanted.link, figures=wanted.figures
        )  # fmt: skip
        deed = self._do.hand_in(wanted.named, document, wanted.on, by=party, correct=wanted.correct)
        return await REFUSALS.answer(self._row(deed))

    async def check(self, request: Request, wanted: Checking) -> Response:
        """The centre has checked a received report; needs the role `reporter`."""
        return await REFUSALS.answer(self._do.check(wanted.named, wanted.note, by=self._party(request, wanted.unit)))

    async def send(self, request: Request, wanted: Owing) -> Response:
        """The centre's report was handed to the leaders; needs the role `reporter`."""
        party = self._party(request, wanted.unit)
        return await REFUSALS.answer(self._row(self._do.leaders(wanted.named, OwedReportEvent.SENT, by=party)))

    async def acknowledge(self, request: Request, wanted: Owing) -> Response:
        """The leaders have taken note of it; needs the role `reporter`."""
        party = self._party(request, wanted.unit)
        return await REFUSALS.answer(self._row(self._do.leaders(wanted.named, OwedReportEvent.ACKNOWLEDGED, by=party)))

    async def ask(self, request: Request, wanted: Asking) -> Response:
        """Ask an agency or a group for a report on any window; needs the role `reporter`."""
        party = self._party(request, wanted.unit)
        return await REFUSALS.answer(self._asked(wanted, party))

    async def _asked(self, wanted: Asking, party: Party) -> list[dict[str, Any]]:
        rows = await self._do.ask(
            wanted.unit, wanted.agency, wanted.form, wanted.begin, wanted.end, wanted.due, wanted.document, by=party
        )
        return [self._shown(row) for row in rows]

    async def _row(self, deed: Awaitable[Row]) -> dict[str, Any]:
        return self._shown(await deed)

    def _shown(self, row: Row) -> dict[str, Any]:
        return shown(self._shelf.book, row, local_date(self._shelf.clock.now()))

    def _party(self, request: Request, unit: str) -> Party:
        party = self._tokens.party(request)
        party.must_speak_for(unit, "act for")
        return party
