"""HTTP door to the forecast of a period; its first numbers are what a board shows."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.reporting.foresight.domain import TooLittleHistory
from services.reporting.foresight.usecases import ForeseePeriod
from services.reporting.usecases import CloseReport
from shared.answers import Refusals
from shared.http import Key
from shared.parties import Tokens

REFUSALS = Refusals(unknown=(LookupError,), conflict=(TooLittleHistory,))


class ForesightApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, foresee: ForeseePeriod, close: CloseReport, tokens: Tokens) -> None:
        self._foresee, self._close, self._tokens = foresee, close, tokens

    def router(self) -> APIRouter:
        """`GET /v1/reports/foresight`."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/foresight", self.foresight, methods=["GET"])
        return router

    async def foresight(
        self,
        request: Request,
        unit: Annotated[Key, Query()],
        period: str,
        on: date | None = None,
        limit: Annotated[int, Query(ge=0, le=1000)] = 20,
    ) -> Response:
        """`so_far`, `expected`, `low`, `high` of the on-time rate; what must be finished by when; the riskiest dossiers."""
        self._tokens.reader(request, unit)
        return await REFUSALS.answer(self._foreseen(unit, period, on, limit))

    async def _foreseen(self, unit: str, code: str, on: date | None, limit: int) -> Any:
        days = self._close.window(unit, code)
        return await self._foresee(unit, days.begin, days.end, on, limit=limit)
