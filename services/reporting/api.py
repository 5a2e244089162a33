"""HTTP door of the reporting service: figures, the lists behind them, closed reports and their sheets."""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from services.reporting.domain import (
    FORM,
    FiguresDoNotBalance,
    PeriodNotOver,
    ProposalDecided,
    ProposalOutdated,
    ReportAlreadyClosed,
    ReportNotClosed,
    RoleMissing,
    UnknownProposal,
)
from services.reporting.hearing import NotYetHeard
from services.reporting.history.usecases import ShowHistory
from services.reporting.signing import SigningKeyUnusable
from services.reporting.usecases import CloseReport, DecideProposal, ShowFigures
from services.reporting.usecases.closing import stem
from shared.http import MAX_NUMBER, Forbidden, Number, Party, Tokens
from shared.units import Units, UnknownUnit


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


class ReportingApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(
        self,
        *,
        show: ShowFigures,
        history: ShowHistory,
        close: CloseReport,
        decide: DecideProposal,
        units: Units,
        tokens: Tokens,
    ) -> None:
        self._decide, self._history = decide, history
        self._show, self._close, self._units, self._tokens = show, close, units, tokens

    def router(self) -> APIRouter:
        """Figures, lists, closed reports."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/figures", self.figures, methods=["GET"])
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
        return await _for_people(self._figures(party, unit, period, begin, end, form, known_on))

    async def _figures(
        self, party: Party, unit: list[str], code: str | None, begin: date | None, end: date | None, form: str,
        known_on: date | None,
    ) -> Any:  # fmt: skip
        show = partial(self._history.figures, known_on=known_on) if known_on else self._show
        units = self._allowed(party, unit)
        if code is None:
            if begin is None or end is None:
                raise ValueError("give a period, or both from and to")
            return [one.as_json() for one in await show(units, form, begin, end)]
        found = []
        for one in units or await self._known():
            days = self._close.window(one, code)
            found += await show([one], form, days.begin, days.end)
        return [one.as_json() for one in found]

    async def _known(self) -> list[str]:
        return [one.unit for one in await self._show([], FORM, date(2025, 7, 1), date(2025, 7, 1))]

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
        units = self._allowed(self._tokens.party(request), unit)
        return await _for_people(self._show.counts(units, begin, end, name or [], field=field))

    async def behind(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        column: str,
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        field: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        offset: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
        known_on: date | None = None,
    ) -> Response:
        """The dossiers behind one cell, or one measure of `/counts`, in code order, page by page."""
        units = self._allowed(self._tokens.party(request), unit)
        if known_on:
            return await _for_people(
                self._history.behind(units, FORM, begin, end, column, known_on, field=field, limit=limit, offset=offset)
            )
        return await _for_people(self._show.behind(units, begin, end, column, field=field, limit=limit, offset=offset))

    async def overdue(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        on: date,
        limit: Annotated[int, Query(ge=1, le=1000)] = 5,
    ) -> Response:
        """Open dossiers past their promise at the end of a day, oldest promise first."""
        units = self._allowed(self._tokens.party(request), unit)
        return await _for_people(self._show.longest_overdue(units, on, limit))

    async def closed(self, request: Request, unit: Annotated[list[str], Query()]) -> Response:
        """Closed reports of these units."""
        units = self._allowed(self._tokens.party(request), unit)
        return await _for_people(self._listed(units))

    async def _listed(self, units: list[str]) -> Any:
        return [_shown(one) for one in await self._close.list(units)]

    async def close(self, request: Request, wanted: Close) -> Response:
        """Freeze a report; needs the role that the form names."""
        party = self._tokens.party(request)
        self._allowed(party, [wanted.unit])
        return await _for_people(self._closing(wanted, party))

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
        self._allowed(self._tokens.party(request), [unit])
        try:
            report = await self._close.closed(unit, form, period, version)
            found = await self._close.file(report, stem(report) + suffix)
        except (LookupError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        disposition = f'attachment; filename="{found["name"]}"'
        return Response(found["content"], media_type=found["media_type"], headers={"Content-Disposition": disposition})

    async def proposals(self, request: Request, unit: Annotated[list[str], Query()], closed: bool = False) -> Response:
        """Changes of closed reports that wait for a decision; `closed` brings the decided ones too."""
        units = self._allowed(self._tokens.party(request), unit)
        return await _for_people(self._decide.list(units, closed=closed))

    async def approve(self, request: Request, number: Number, decision: Decision) -> Response:
        """Publish the next version; needs the role that the form names, and to name it."""
        return await _for_people(self._approving(self._tokens.party(request), number, decision))

    async def reject(self, request: Request, number: Number, decision: Decision) -> Response:
        """Keep the closed figures, and the reason."""
        return await _for_people(self._rejecting(self._tokens.party(request), number, decision))

    async def _approving(self, party: Party, number: int, decision: Decision) -> Any:
        self._allowed(party, [(await self._decide.find(number))["unit"]])
        return _shown(await self._decide.approve(number, by=party, role=decision.role))

    async def _rejecting(self, party: Party, number: int, decision: Decision) -> Any:
        self._allowed(party, [(await self._decide.find(number))["unit"]])
        return await self._decide.reject(number, by=party, role=decision.role, reason=decision.reason)

    async def keys(self) -> Response:
        """The public keys that check closed reports; they are no secret."""
        return await _for_people(self._close.keys())

    def _allowed(self, party: Party, units: list[str]) -> list[str]:
        if units == ["all"]:
            if "*" not in party.units:
                raise Forbidden(f"{party.name} may not read every unit; name the units")
            return []
        for unit in units:
            if not party.may_speak_for(unit):
                raise Forbidden(f"{party.name} may not read unit {unit}")
        return units


async def _for_people(answer: Any) -> Response:
    """Await an answer; say what a person can do when it is refused."""
    try:
        return JSONResponse(_plain(await answer))
    except RoleMissing as error:
        return JSONResponse({"error": str(error)}, status_code=403)
    except (
        ReportAlreadyClosed,
        PeriodNotOver,
        FiguresDoNotBalance,
        NotYetHeard,
        SigningKeyUnusable,
        ProposalDecided,
        ProposalOutdated,
    ) as error:
        return JSONResponse({"error": str(error)}, status_code=409)
    except (ReportNotClosed, UnknownUnit, UnknownProposal) as error:
        return JSONResponse({"error": str(error)}, status_code=404)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, status_code=400)


def _shown(report: dict[str, Any]) -> dict[str, Any]:
    files = [one["name"] for one in json.loads(report["document"])["files"]]
    shown = {name: value for name, value in report.items() if name != "document"}
    return {**shown, "files": [f"{stem(report)}.json", *files]}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
