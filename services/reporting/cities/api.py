"""HTTP door to a city's figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from services.reporting.cities.usecases import ShowCity
from services.reporting.domain import FORM, FiguresDoNotBalance
from shared.http import Key
from shared.parties import Forbidden, Tokens


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
        party = self._tokens.party(request)
        try:
            refused = [one.code for one in self._show.communes(city) if not party.may_speak_for(one.code)]
            if refused:
                raise Forbidden(f"{party.name} may not read {len(refused)} units of {city}, {refused[0]} among them")
            if period is not None:
                begin, end = self._show.window(city, period)
            if begin is None or end is None:
                raise ValueError("give a period, or both from and to")
            return JSONResponse(jsonable_encoder(await self._show(city, form, begin, end, period)))
        except LookupError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        except FiguresDoNotBalance as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
