"""HTTP door to publications: which version is published, by when the city acknowledges, and whether it did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from services.reporting.publication.usecases import ShowPublications
from shared.parties import Tokens


class PublicationApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowPublications, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """`GET /v1/reports/publications`."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/publications", self.publications, methods=["GET"])
        return router

    async def publications(self, request: Request, unit: Annotated[list[str], Query()]) -> Response:
        """What became of each closed version of these units; `all` for every unit."""
        units = self._tokens.party(request).readable(unit)
        return JSONResponse(jsonable_encoder(await self._show(units)))
