"""HTTP door to one petition: how it stands, its deadlines, what is unusual about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.dossier.petitions.domain import due_at
from services.dossier.petitions.messages import FINDING, STATUS
from services.dossier.petitions.rules import Deadline
from services.dossier.petitions.usecases import ShowPetition
from shared.events.petition_snapshots import PetitionState
from shared.localtime import local_date
from shared.parties import Tokens


class DeadlineShown(BaseModel):
    """One deadline; `standing` tells it by now: running, met or late."""

    due_at: datetime
    met_at: datetime | None
    standing: str


class Finding(BaseModel):
    """What is to be looked at."""

    code: str
    text: str


class PetitionShown(BaseModel):
    """A petition as it stands."""

    unit: str
    petition: str
    revision: int
    now: datetime
    status: str
    status_vi: str
    state: dict[str, Any]
    deadlines: dict[str, DeadlineShown]
    timeline: list[dict[str, Any]]
    findings: list[Finding]


class PetitionsApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowPetition, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """`GET /v1/petitions/{unit}/{code}`."""
        router = APIRouter(prefix="/v1/petitions")
        router.add_api_route("/{unit}/{code:path}", self.petition, methods=["GET"], response_model=PetitionShown)
        return router

    async def petition(self, request: Request, unit: str, code: str) -> Any:
        """One petition with its deadlines; 404 while nobody has spoken of it."""
        self._tokens.reader(request, unit)
        found = await self._show(unit, code)
        if found is None:
            return JSONResponse({"error": f"no petition {code} in unit {unit} (check the code)"}, status_code=404)
        snapshot, now = found
        return PetitionShown(
            unit=unit,
            petition=code,
            revision=snapshot.revision,
            now=now,
            status=snapshot.state.status,
            status_vi=STATUS[snapshot.state.status],
            state=msgspec.to_builtins(snapshot.state),
            deadlines=standing(snapshot.state, now),
            timeline=msgspec.to_builtins(snapshot.timeline),
            findings=[Finding(code=one, text=FINDING[one]) for one in snapshot.findings],
        )


def standing(state: PetitionState, now: datetime) -> dict[str, DeadlineShown]:
    """How each deadline stands; dates are compared, never times."""
    met = {Deadline.TRANSFER: state.checked_at, Deadline.ANSWER: state.settled_at}
    shown = dict[str, DeadlineShown]()
    for deadline, met_at in met.items():
        if (end := due_at(state, deadline)) is not None:
            late = local_date(met_at or now) > local_date(end)
            word = "late" if late else "met" if met_at else "running"
            shown[deadline.value] = DeadlineShown(due_at=end, met_at=met_at, standing=word)
    return shown
