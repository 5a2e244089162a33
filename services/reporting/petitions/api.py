"""HTTP door to the figures of petitions and the lists behind them."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from services.reporting.petitions.usecases import ShowPetitions
from shared.http import MAX_NUMBER
from shared.parties import Forbidden, Tokens


class PetitionsApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowPetitions, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """`GET /v1/petitions` and `GET /v1/petitions/figures`."""
        router = APIRouter(prefix="/v1/petitions")
        router.add_api_route("", self.behind, methods=["GET"])
        router.add_api_route("/figures", self.figures, methods=["GET"])
        return router

    async def figures(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
    ) -> Response:
        """Every measure of petitions for units (`all` for every unit known) and a window, as of its end."""
        return await _for_people(self._show.figures(self._allowed(request, unit), begin, end))

    async def behind(
        self,
        request: Request,
        unit: Annotated[list[str], Query()],
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        measure: str = "petitions_received",
        hit: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
        offset: Annotated[int, Query(ge=0, le=MAX_NUMBER)] = 0,
    ) -> Response:
        """The petitions behind a measure, page by page; of a rate `hit=true` those that meet it, `hit=false` the others."""
        units = self._allowed(request, unit)
        return await _for_people(self._show.behind(units, begin, end, measure, hit=hit, limit=limit, offset=offset))

    def _allowed(self, request: Request, units: list[str]) -> list[str]:
        party = self._tokens.party(request)
        if units == ["all"]:
            if "*" not in party.units:
                raise Forbidden(f"{party.name} may not read every unit; name the units")
            return []
        for unit in units:
            if not party.may_speak_for(unit):
                raise Forbidden(f"{party.name} may not read unit {unit}")
        return units


async def _for_people(answer: Awaitable[Any]) -> Response:
    try:
        return JSONResponse(jsonable_encoder(await answer))
    except ValueError as error:
        return JSONResponse({"error": str(error)}, status_code=400)
