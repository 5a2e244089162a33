"""HTTP door to the figures of petitions and the lists behind them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.reporting.petitions.usecases import ShowPetitions
from shared.answers import Refusals
from shared.http import MAX_NUMBER
from shared.parties import Tokens

REFUSALS = Refusals()


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
        return await REFUSALS.answer(self._show.figures(self._tokens.party(request).readable(unit), begin, end))

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
        units = self._tokens.party(request).readable(unit)
        return await REFUSALS.answer(self._show.behind(units, begin, end, measure, hit=hit, limit=limit, offset=offset))
