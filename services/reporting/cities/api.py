"""HTTP door to a city's figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.reporting.cities.usecases import ShowCity
from services.reporting.domain import FORM, FiguresDoNotBalance
from services.reporting.domain.windows import both_days
from shared.answers import Refusals
from shared.http import Key
from shared.parties import Forbidden, Party, Tokens

REFUSALS = Refusals(unknown=(LookupError,), conflict=(FiguresDoNotBalance,))


class CitiesApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowCity, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """`GET /v1/reports/city`."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/city", self.city, methods=["GET"])
        return router

    async def city(
        self,
        request: Request,
        city: Annotated[Key, Query()],
        period: str | None = None,
        begin: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        form: str = FORM,
    ) -> Response:
        """A form summed over all communes of a city, with each commune's total, for a period or a window from–to."""
        return await REFUSALS.answer(self._city(self._tokens.party(request), city, period, begin, end, form))

    async def _city(
        self, party: Party, city: str, code: str | None, begin: date | None, end: date | None, form: str
    ) -> Any:
        refused = [one.code for one in self._show.communes(city) if not party.may_speak_for(one.code)]
        if refused:
            raise Forbidden(f"{party.name} may not read {len(refused)} units of {city}, {refused[0]} among them")
        if code is not None:
            begin, end = self._show.window(city, code)
        return await self._show(city, form, *both_days(begin, end), code)
