"""HTTP door to the difference between two days of knowledge; figures as known on a day are asked at `/v1/reports/figures`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.reporting.domain import FORM
from services.reporting.domain.windows import both_days
from services.reporting.history.usecases import ExplainDifference
from services.reporting.usecases.measuring import MeasureForms
from shared.answers import Refusals
from shared.http import Key
from shared.parties import Tokens

REFUSALS = Refusals(unknown=(LookupError,))


class HistoryApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, explain: ExplainDifference, measure: MeasureForms, tokens: Tokens) -> None:
        self._explain, self._measure, self._tokens = explain, measure, tokens

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
        self._tokens.reader(request, unit)
        return await REFUSALS.answer(self._between(unit, form, period, begin, end, known_from, known_to))

    async def _between(
        self, unit: str, form: str, code: str | None, begin: date | None, end: date | None, known_from: date,
        known_to: date,
    ) -> Any:  # fmt: skip
        if code is not None:
            days = self._measure.window(unit, form, code)
            begin, end = days.begin, days.end
        return await self._explain(unit, form, *both_days(begin, end), known_from, known_to)
