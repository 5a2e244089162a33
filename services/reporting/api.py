"""HTTP door of the reporting service: figures, the lists behind them, closed reports and their sheets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.reporting.documents.lists import MEDIA_TYPES, write_list
from services.reporting.domain import (
    FORM,
    FiguresDoNotBalance,
    Filled,
    PeriodNotOver,
    ProposalDecided,
    ProposalOutdated,
    ReportAlreadyClosed,
    ReportNotClosed,
    RoleMissing,
    UnknownProposal,
)
from services.reporting.domain.windows import both_days
from services.reporting.hearing import NotYetHeard
from services.reporting.signing import SigningKeyUnusable
from services.reporting.usecases import CloseReport, DecideProposal, ShowFigures
from services.reporting.usecases.closing import stem
from services.reporting.usecases.measuring import MeasureForms
from shared.answers import Refusals
from shared.http import MAX_NUMBER, Number
from shared.parties import Party, Tokens
from shared.units import Units, UnknownUnit

MOST = 100_000
"""Rows of one page or one file; more is asked for page by page."""


class Close(BaseModel):
    """Which report to close, and in which role (by default the one that the form asks for)."""

    model_config = ConfigDict(populate_by_name=True)

    unit: str
    period: str
    form: str = FORM
    role: str | None = Field(default=None, alias="as")


class Decision(BaseModel):
    """In which role a proposal is decided, and why it is rejected."""

    model_config = ConfigDict(populate_by_name=True)

    role: str | None = Field(default=None, alias="as")
    reason: str = ""


REFUSALS = Refusals(
    forbidden=(RoleMissing,),
    unknown=(ReportNotClosed, UnknownUnit, UnknownProposal),
    conflict=(
        ReportAlreadyClosed, PeriodNotOver, FiguresDoNotBalance, NotYetHeard, SigningKeyUnusable, ProposalDecided,
        ProposalOutdated,
    ),
)  # fmt: skip


class ReportingApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(
        self,
        *,
        show: ShowFigures,
        close: CloseReport,
        decide: DecideProposal,
        measure: MeasureForms,
        units: Units,
        tokens: Tokens,
    ) -> None:
        self._decide, self._measure = decide, measure
        self._show, self._close, self._units, self._tokens = show, close, units, tokens

    def router(self) -> APIRouter:
        """Figures, lists, closed reports."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/figures", self.figures, methods=["GET"])
        router.add_api_route("/forms", self.forms, methods=["GET"])
        router.add_api_route("/counts", self.counts, methods=["GET"])
        router.add_api_route("/behind", self.behind, methods=["GET"])
        router.add_api_route("/overdue", self.overdue, methods=["GET"])
        router.add_api_route("", self.closed, methods=["GET"])
        router.add_api_route("/close", self.close, methods=["POST"])
        router.add_api_route("/sheet", self.sheet, methods=["GET"])
        router.add_api_route("/file", self.file, methods=["GET"])
        router.add_api_route("/keys", self.keys, methods=["GET"])
        router.add_api_route("/proposals", self.proposals, methods=["GET"])
        router.add_api_route("/proposals/{number}/approve", self.approve, methods=["POST"])
        router.add_api_route("/proposals/{number}/reject", self.reject, methods=["POST"])
        return router

    async def figures(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        period: str | None = None,
        begin: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        form: str = FORM,
        known_on: date | None = None,
    ) -> Response:
        """Figures of a form for units (`all` for every unit known) and a period, or a window from–to.

        `known_on` gives them as they were known at the end of an earlier day.
        """
        party = self._tokens.party(request)
        return await REFUSALS.answer(self._figures(party, unit, period, begin, end, form, known_on))

    async def _figures(
        self, party: Party, unit: list[str], code: str | None, begin: date | None, end: date | None, form: str,
        known_on: date | None,
    ) -> Any:  # fmt: skip
        units = party.readable(unit)
        if code is None:
            return [one.as_json() for one in await self._show(units, form, *both_days(begin, end), known_on)]
        found = list[Filled]()
        for one in units or await self._show.units():
            days = self._measure.window(one, form, code)
            found += await self._show([one], form, days.begin, days.end, known_on)
        return [one.as_json() for one in found]

    async def forms(self, request: Request) -> Response:
        """Every version of every form, with its validity and its cells."""
        self._tokens.party(request)
        return JSONResponse(self._show.forms())

    async def counts(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        name: Annotated[list[str] | None, Query()] = None,
        field: str | None = None,
    ) -> Response:
        """Measures that are plain numbers, such as `late_without_apology`; by name, or all of them."""
        units = self._tokens.party(request).readable(unit)
        return await REFUSALS.answer(self._show.counts(units, begin, end, name or [], field=field))

    async def behind(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        column: str | None = None,
        period: str | None = None,
        begin: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        field: str | None = None,
        form: str = FORM,
        cell: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
        offset: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
        known_on: date | None = None,
        as_: Annotated[Literal["json", "csv", "xlsx", "jsonl"], Query(alias="as")] = "json",
    ) -> Response:
        """The dossiers behind one cell, in code order, page by page, or as a file: the number's passport.

        `form` and `cell` name a cell of any form; `column` one of II.06a or a measure of `/counts`, of one `field` or all.
        """
        units = self._tokens.party(request).readable(unit)
        asked = (column, period, begin, end, field, form, cell, limit, offset, known_on)
        if as_ == "json":
            return await REFUSALS.answer(self._behind(units, *asked))
        return await REFUSALS.answer(_as_file(self._behind(units, *asked), as_, cell or column or ""))

    async def _behind(
        self, units: list[str], column: str | None, code: str | None, begin: date | None, end: date | None,
        field: str | None, form: str, cell: str | None, limit: int, offset: int, known_on: date | None,
    ) -> Any:  # fmt: skip
        if (cell is None) == (column is None):
            raise ValueError("give a cell of a form, or a column")
        if code is not None:
            if len(units) != 1:
                raise ValueError("a period is one unit's; name one unit, or give both from and to")
            days = self._measure.window(units[0], form, code)
            begin, end = days.begin, days.end
        begin, end = both_days(begin, end)
        page: dict[str, Any] = {"limit": limit, "offset": offset, "known_on": known_on}
        if cell is not None:
            return await self._show.behind_cell(units, form, begin, end, cell, **page)
        return await self._show.behind(units, begin, end, column or "", field=field, **page)

    async def overdue(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        on: date,
        limit: Annotated[int, Query(ge=1, le=1000)] = 5,
    ) -> Response:
        """Open dossiers past their promise at the end of a day, oldest promise first."""
        units = self._tokens.party(request).readable(unit)
        return await REFUSALS.answer(self._show.longest_overdue(units, on, limit))

    async def closed(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        form: str | None = None,
        period: str | None = None,
        version: Number | None = None,
    ) -> Response:
        """Closed reports of these units, with their files; all, or those of a form, a period, a version."""
        units = self._tokens.party(request).readable(unit)
        return await REFUSALS.answer(self._listed(units, form, period, version))

    async def _listed(self, units: list[str], form: str | None, period: str | None, version: int | None) -> Any:
        return [_shown(one) for one in await self._close.list(units, form=form, period=period, version=version)]

    async def close(self, request: Request, wanted: Close) -> Response:
        """Freeze a report; needs the role that the form names."""
        party = self._tokens.party(request)
        party.must_speak_for(wanted.unit, "close reports of")
        return await REFUSALS.answer(self._closing(wanted, party))

    async def _closing(self, wanted: Close, party: Party) -> Any:
        return _shown(await self._close(wanted.unit, wanted.form, wanted.period, by=party, role=wanted.role))

    async def sheet(
        self, request: Request, unit: str, period: str, form: str = FORM, version: Number | None = None
    ) -> Response:
        """A closed report as XLSX; the same bytes whenever it is asked for."""
        return await self.file(request, unit, period, ".xlsx", form, version)

    async def file(
        self, request: Request, unit: str, period: str, suffix: str, form: str = FORM, version: Number | None = None
    ) -> Response:
        """One document of a closed report by its suffix (`.json`, `.xlsx`, …), byte for byte as it was signed."""
        self._tokens.reader(request, unit)
        try:
            report = await self._close.closed(unit, form, period, version)
            found = await self._close.file(report, stem(report) + suffix)
        except (LookupError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        disposition = f'attachment; filename="{found["name"]}"'
        return Response(found["content"], media_type=found["media_type"], headers={"Content-Disposition": disposition})

    async def proposals(self, request: Request, unit: Annotated[list[str], Query()], closed: bool = False) -> Response:
        """Changes of closed reports that wait for a decision; `closed` brings the decided ones too."""
        units = self._tokens.party(request).readable(unit)
        return await REFUSALS.answer(self._decide.list(units, closed=closed))

    async def approve(self, request: Request, number: Number, decision: Decision) -> Response:
        """Publish the next version; needs the role that the form names, and to name it."""
        return await REFUSALS.answer(self._approving(self._tokens.party(request), number, decision))

    async def reject(self, request: Request, number: Number, decision: Decision) -> Response:
        """Keep the closed figures, and the reason."""
        return await REFUSALS.answer(self._rejecting(self._tokens.party(request), number, decision))

    async def _approving(self, party: Party, number: int, decision: Decision) -> Any:
        party.must_speak_for((await self._decide.find(number))["unit"], "decide for")
        return _shown(await self._decide.approve(number, by=party, role=decision.role))

    async def _rejecting(self, party: Party, number: int, decision: Decision) -> Any:
        party.must_speak_for((await self._decide.find(number))["unit"], "decide for")
        return await self._decide.reject(number, by=party, role=decision.role, reason=decision.reason)

    async def keys(self) -> Response:
        """The public keys that check closed reports; they are no secret."""
        return await REFUSALS.answer(self._close.keys())


async def _as_file(rows: Awaitable[Any], format_: str, name: str) -> Response:
    content = await asyncio.to_thread(write_list, await rows, format_)
    # a field of administration has letters that a header cannot carry
    ascii_name = re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "list"
    headers = {"Content-Disposition": f'attachment; filename="{ascii_name}.{format_}"'}
    return Response(content, media_type=MEDIA_TYPES[format_], headers=headers)


def _shown(report: dict[str, Any]) -> dict[str, Any]:
    files = [one["name"] for one in json.loads(report["document"])["files"]]
    shown = {name: value for name, value in report.items() if name != "document"}
    return {**shown, "files": [f"{stem(report)}.json", *files]}
