"""HTTP door of published scores."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from services.reporting.scores.usecases import RecordScore
from shared.answers import Refusals
from shared.parties import Forbidden, Tokens
from shared.units import UnknownUnit


class PublishedScore(BaseModel):
    """What the portal published: which row of which period, how many points, where it was read and when."""

    unit: str = Field(max_length=10)
    form: str = Field(default="QD766", max_length=60)
    period: str = Field(max_length=20)
    row: str = Field(max_length=60)
    score: Decimal = Field(max_digits=6, decimal_places=3)
    source: str = Field(min_length=3, max_length=500)
    published_on: date


REFUSALS = Refusals(unknown=(UnknownUnit,))


class ScoresApi:
    """The door with what it needs; `router()` gives the route."""

    def __init__(self, record: RecordScore, tokens: Tokens) -> None:
        self._record, self._tokens = record, tokens

    def router(self) -> APIRouter:
        """One route."""
        router = APIRouter(prefix="/v1/reports")
        router.add_api_route("/scores", self.add, methods=["POST"])
        return router

    async def add(self, request: Request, said: PublishedScore) -> Response:
        """Record a published score; needs the role `reporter`."""
        party = self._tokens.party(request)
        if "reporter" not in party.roles or not party.may_speak_for(said.unit):
            raise Forbidden(f"{party.name} may not record scores of unit {said.unit}")
        kept = self._record(
            said.unit, said.form, said.period, said.row, said.score,
            source=said.source, on=said.published_on, by=party.name,
        )  # fmt: skip
        return await REFUSALS.answer(kept, status=201)
