"""HTTP door of the reporting service: figures, the lists behind them, closed reports and their sheets."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from services.reporting.documents import load_form, write_xlsx
from services.reporting.domain import (
    FORM,
    FiguresDoNotBalance,
    PeriodNotOver,
    ReportAlreadyClosed,
    ReportNotClosed,
)
from services.reporting.usecases import CloseReport, ShowFigures
from shared.http import Forbidden, Party, Tokens
from shared.units import Units, UnknownUnit

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Close(BaseModel):
    """Which report to close."""

    unit: str
    period: str
    form: str = FORM


class ReportingApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, *, show: ShowFigures, close: CloseReport, units: Units, tokens: Tokens, rules: Path) -> None:
        self._show, self._close, self._units, self._tokens = show, close, units, tokens
        self._form = load_form(rules)

    def router(self) -> APIRouter:
        """Figures, lists, closed reports."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/figures", self.figures, methods=["GET"])
        router.add_api_route("/behind", self.behind, methods=["GET"])
        router.add_api_route("/overdue", self.overdue, methods=["GET"])
        router.add_api_route("", self.closed, methods=["GET"])
        router.add_api_route("/close", self.close, methods=["POST"])
        router.add_api_route("/sheet", self.sheet, methods=["GET"])
        return router

    async def figures(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        period: str | None = None,
        begin: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        form: str = FORM,
    ) -> Response:
        """Figures of a form for units (`all` for every unit known) and a period, or a window from–to."""
        party = self._tokens.party(request)
        return await _for_people(self._figures(party, unit, period, begin, end, form))

    async def _figures(
        self, party: Party, unit: list[str], code: str | None, begin: date | None, end: date | None, form: str
    ) -> Any:
        units = self._allowed(party, unit)
        if code is None:
            if begin is None or end is None:
                raise ValueError("give a period, or both from and to")
            return [one.as_json() for one in await self._show(units, form, begin, end)]
        found = []
        for one in units or await self._known():
            days = self._close.window(one, code)
            found += await self._show([one], form, days.begin, days.end)
        return [one.as_json() for one in found]

    async def _known(self) -> list[str]:
        return [one.unit for one in await self._show([], FORM, date(2025, 7, 1), date(2025, 7, 1))]

    async def behind(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        column: str,
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        field: str | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> Response:
        """The dossiers behind one cell, in code order, page by page."""
        units = self._allowed(self._tokens.party(request), unit)
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
        return await _for_people(self._close.list(units))

    async def close(self, request: Request, wanted: Close) -> Response:
        """Freeze a report; needs the role `reporter`."""
        party = self._tokens.party(request)
        if "reporter" not in party.roles:
            raise Forbidden(f"{party.name} may not close reports; the role 'reporter' is needed")
        self._allowed(party, [wanted.unit])
        return await _for_people(self._close(wanted.unit, wanted.form, wanted.period, by=party.name))

    async def sheet(self, request: Request, unit: str, period: str, form: str = FORM) -> Response:
        """A closed report as XLSX; the same bytes whenever it is asked for."""
        self._allowed(self._tokens.party(request), [unit])
        try:
            report = await self._close.closed(unit, form, period)
        except (ReportNotClosed, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        name = self._units.get(unit).name
        body = write_xlsx(self._form, report["figures"], unit_name=name, period=period, created=report["closed_at"])
        return Response(body, media_type=XLSX)

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
    except (ReportAlreadyClosed, PeriodNotOver, FiguresDoNotBalance) as error:
        return JSONResponse({"error": str(error)}, status_code=409)
    except (ReportNotClosed, UnknownUnit) as error:
        return JSONResponse({"error": str(error)}, status_code=404)
    except ValueError as error:
        return JSONResponse({"error": str(error)}, status_code=400)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
