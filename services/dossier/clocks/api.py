"""HTTP door to the clocks: those of one dossier, and where the promised and the computed date differ."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.dossier.clocks.domain import Clocks
from services.dossier.clocks.messages import FINDING
from services.dossier.clocks.repository import Change, StoredClocks
from services.dossier.clocks.usecases import ShowClocks
from shared.events.dossiers import State
from shared.localtime import local_date
from shared.parties import Tokens

SOURCE = "clocks"


class Finding(BaseModel):
    """What is to be looked at: about which dossier, who says so, and why."""

    dossier: str
    source: str
    code: str
    text: str
    details: dict[str, Any]


class DossierClocks(BaseModel):
    """The clocks of one dossier; `standing` tells each by now: running, waiting, met or late."""

    unit: str
    dossier: str
    revision: int
    now: datetime
    computed_at: datetime
    reason: str
    standing: dict[str, str]
    clocks: dict[str, Any]
    findings: list[Finding]
    changes: list[dict[str, Any]]


class Differences(BaseModel):
    """A page of differences; `next` continues it as `after`, and is missing on the last page."""

    unit: str
    items: list[Finding]
    next: str | None


class ClocksApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowClocks, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """Clocks of a dossier, differences of a unit."""
        router = APIRouter(prefix="/v1")
        router.add_api_route(
            "/dossiers/{unit}/{code:path}/clocks", self.clocks, methods=["GET"], response_model=DossierClocks
        )
        router.add_api_route("/clocks/differences", self.differences, methods=["GET"], response_model=Differences)
        return router

    async def clocks(self, request: Request, unit: str, code: str) -> Any:
        """The three clocks of a dossier; 404 while it is unknown or not measured yet."""
        self._tokens.reader(request, unit)
        found = await self._show.of(unit, code)
        if found is None:
            reason = f"no clocks of dossier {code} in unit {unit} (check the code; a new dossier takes some seconds)"
            return JSONResponse({"error": reason}, status_code=404)
        stored, moved, now = found
        return DossierClocks(
            unit=unit,
            dossier=code,
            revision=stored.revision,
            now=now,
            computed_at=stored.computed_at,
            reason=stored.reason,
            standing=standing(stored.clocks, stored.snapshot.state, now),
            clocks=_plain(stored.clocks),
            findings=_findings(stored),
            changes=[_change(one) for one in moved],
        )

    async def differences(
        self, request: Request, unit: str, after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> Differences:
        """A unit's findings where the promised date is not the computed one, by dossier code; `limit` dossiers a page."""
        self._tokens.reader(request, unit)
        page = await self._show.differing(unit, after, limit)
        items = [finding for stored in page for finding in _findings(stored)]
        return Differences(unit=unit, items=items, next=page[-1].snapshot.dossier if len(page) == limit else None)


def standing(clocks: Clocks, state: State, now: datetime) -> dict[str, str]:
    """How each clock stands: intake by the instant, the others by the date, as form II.06a does."""
    told = dict[str, str]()
    if clocks.intake is not None:
        ended = clocks.intake.answered_at
        late = (ended or now) > clocks.intake.due_at
        told["intake"] = "late" if late else "met" if ended else "running"
    dues = {"promise": [clocks.promise.due_at] if clocks.promise else []}
    for name, cases in (("statutory", clocks.statutory), ("committed", clocks.committed)):
        dues[name] = [one.due_at for one in cases if one.due_at is not None]
        if any(one.left_minutes is not None for one in cases):
            told[name] = "waiting"
    for name, ends in dues.items():
        if ends and name not in told:
            told[name] = _by_date(max(ends), state, now)
    return told


def _by_date(due_at: datetime, state: State, now: datetime) -> str:
    if state.is_waiting:
        return "waiting"
    if local_date(state.finished_at or now) > local_date(due_at):
        return "late"
    return "met" if state.is_finished else "running"


def _findings(stored: StoredClocks) -> list[Finding]:
    return [
        Finding(
            dossier=stored.snapshot.dossier,
            source=SOURCE,
            code=one.code,
            text=FINDING[one.code],
            details=one.details,
        )
        for one in stored.clocks.findings
    ]


def _change(change: Change) -> dict[str, Any]:
    return {
        "computed_at": change.computed_at.isoformat(),
        "reason": change.reason,
        "before": _plain(change.before),
        "after": _plain(change.after),
    }


def _plain(clocks: Clocks) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(clocks)
    plain.pop("findings", None)
    return plain
