"""HTTP door to the difference between two days of knowledge; figures as known on a day are asked at `/v1/reports/figures`."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from services.reporting.domain import FORM
from services.reporting.history.usecases import ShowHistory
from services.reporting.usecases import CloseReport
from shared.http import Key
from shared.parties import Forbidden, Tokens


class HistoryApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowHistory, close: CloseReport, tokens: Tokens) -> None:
        self._show, self._close, self._tokens = show, close, tokens

    def router(self) -> APIRouter:
        """`GET /v1/reports/between`."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/between", self.between, methods=["GET"])
        return router

    async def between(
        self,
        request: Request,
        unit: Annotated[Key, Query()],
        known_from: date,
        known_to: date,
        period: str | None = None,
        begin: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        form: str = FORM,
    ) -> Response:
        """What changed in a form between two days of knowledge: cells, dossiers, and the statements between them."""
        party = self._tokens.party(request)
        if not party.may_speak_for(unit):
            raise Forbidden(f"{party.name} may not read unit {unit}")
        try:
            if period is not None:
                days = self._close.window(unit, period)
                begin, end = days.begin, days.end
            if begin is None or end is None:
                raise ValueError("give a period, or both from and to")
            return JSONResponse(
                jsonable_encoder(await self._show.between(unit, form, begin, end, known_from, known_to))
            )
        except LookupError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
