"""HTTP door of the inspection service: plans and their progress, evidence."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from services.inspection.usecases import RecordEvidence, ShowPlans, UnknownItem
from shared.parties import Forbidden, Tokens


class Document(BaseModel):
    """A document that moves an item."""

    plan: str = Field(max_length=100)
    item: str = Field(max_length=100)
    title: str = Field(min_length=1, max_length=500)
    number: str = Field(default="", max_length=100)
    document_date: date | None = None
    agency: str = Field(default="", max_length=100)
    link: str = Field(default="", max_length=1000)


class InspectionApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowPlans, record: RecordEvidence, tokens: Tokens) -> None:
        self._show, self._record, self._tokens = show, record, tokens

    def router(self) -> APIRouter:
        """Plans and evidence."""
        router = APIRouter(prefix="/v1/plans")
        router.add_api_route("/{unit}", self.plans, methods=["GET"])
        router.add_api_route("/{unit}/evidence", self.evidence, methods=["POST"])
        return router

    async def plans(self, request: Request, unit: str) -> dict[str, Any]:
        """Every plan of a unit with the progress of its targets and tasks."""
        self._tokens.reader(request, unit)
        return await self._show(unit)

    async def evidence(self, request: Request, unit: str, document: Document) -> Response:
        """Record a document for an item; needs the role `operator`."""
        party = self._tokens.party(request)
        if "operator" not in party.roles or not party.may_speak_for(unit):
            raise Forbidden(f"{party.name} may not record evidence for unit {unit}")
        try:
            number = await self._record(unit, document.model_dump(), by=party.name)
        except UnknownItem as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        return JSONResponse({"id": number}, status_code=201)
