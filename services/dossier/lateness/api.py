"""HTTP door to the causes of lateness: figures of a window, and the list behind each of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.dossier.lateness.domain import Late, Lateness
from services.dossier.lateness.messages import CAUSE
from services.dossier.lateness.usecases import ShowLateness, Window
from shared.parties import Tokens
from shared.units import Units

MAX_DAYS = 400
By = Literal["field", "agency"]


class LateGroup(BaseModel):
    """Late dossiers of one field or agency, and their minutes by cause."""

    name: str | None
    late_for_real: int
    late_on_paper: int
    minutes: dict[str, int]


class LatenessFigures(BaseModel):
    """Figures of the dossiers promised between two days; `causes` names each cause for people."""

    unit: str
    begin: date
    end: date
    by: By
    groups: list[LateGroup]
    total: LateGroup
    causes: dict[str, str]


class LateDossier(BaseModel):
    """One late dossier; its minutes by cause add up to `total_minutes`."""

    dossier: str
    late: Literal["real", "paper"]
    field: str | None
    agency: str | None
    due_at: datetime
    total_minutes: int
    minutes: dict[str, int]


class LateDossiers(BaseModel):
    """A page; `next` continues it as `after`, and is missing on the last page."""

    unit: str
    items: list[LateDossier]
    next: str | None


class LatenessApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowLateness, tokens: Tokens, units: Units) -> None:
        self._show, self._tokens, self._units = show, tokens, units

    def router(self) -> APIRouter:
        """`GET /v1/lateness` and `GET /v1/lateness/dossiers`."""
        router = APIRouter(prefix="/v1/lateness")
        router.add_api_route("", self.figures, methods=["GET"], response_model=LatenessFigures)
        router.add_api_route("/dossiers", self.dossiers, methods=["GET"], response_model=LateDossiers)
        return router

    async def figures(
        self,
        request: Request,
        unit: str,
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        by: By = "field",
    ) -> LatenessFigures | JSONResponse:
        """How many are late for real and on paper only, by field or agency, and whose time it was."""
        if refused := self._check(request, unit, begin, end):
            return refused
        groups = await self._show.groups(Window(unit=unit, begin=begin, end=end), by)
        rows = [
            LateGroup(
                name=one.name,
                late_for_real=one.real,
                late_on_paper=one.paper,
                minutes={cause.value: minutes for cause, minutes in one.minutes.items()},
            )
            for one in groups
        ]
        return LatenessFigures(unit=unit, begin=begin, end=end, by=by, groups=rows, total=_total(rows), causes=CAUSE)

    async def dossiers(
        self,
        request: Request,
        unit: str,
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
        late: Literal["real", "paper"] | None = None,
        by: By = "field",
        name: str | None = None,
        after: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> LateDossiers | JSONResponse:
        """The dossiers behind a figure, by code; an empty `name` is the group without a field or agency."""
        if refused := self._check(request, unit, begin, end):
            return refused
        wanted = [Late(late)] if late else list(Late)
        page = await self._show.dossiers(Window(unit=unit, begin=begin, end=end), wanted, by, name, after, limit)
        return LateDossiers(
            unit=unit, items=[_shown(one) for one in page], next=page[-1].dossier if len(page) == limit else None
        )

    def _check(self, request: Request, unit: str, begin: date, end: date) -> JSONResponse | None:
        self._tokens.reader(request, unit)
        if unit not in self._units:
            return JSONResponse({"error": f"unknown unit {unit!r}; use the five-digit code"}, status_code=404)
        if not 0 <= (end - begin).days <= MAX_DAYS:
            reason = f"from {begin} to {end} is no window of 1 to {MAX_DAYS} days; give the earlier day first"
            return JSONResponse({"error": reason}, status_code=400)
        return None


def _total(rows: list[LateGroup]) -> LateGroup:
    return LateGroup(
        name=None,
        late_for_real=sum(one.late_for_real for one in rows),
        late_on_paper=sum(one.late_on_paper for one in rows),
        minutes={cause: sum(one.minutes[cause] for one in rows) for cause in CAUSE},
    )


def _shown(one: Lateness) -> LateDossier:
    return LateDossier(
        dossier=one.dossier,
        late=one.late.value,
        field=one.field,
        agency=one.agency,
        due_at=one.due_at,
        total_minutes=one.minutes,
        minutes={cause.value: minutes for cause, minutes in one.parts.items()},
    )
