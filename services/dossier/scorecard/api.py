"""HTTP doors to sources: all of them, one's scorecard by day, and which of its ids arrived."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, model_validator

from services.dossier.scorecard.domain import LONGEST_SERIES, Card, RangeTooLong
from services.dossier.scorecard.messages import CARD, STANDING
from services.dossier.scorecard.usecases import AskArrived, Overview, ShowScorecards, ShowSources
from shared.http import Key
from shared.parties import Party, Tokens

LONGEST_DAYS = 93


class Today(BaseModel):
    """Statements of today by verdict."""

    accepted: int
    duplicate: int
    out_of_order: int
    rejected: int


class SourceLine(BaseModel):
    """One source; `quiet_minutes` are office minutes since it was last heard."""

    name: str
    units: list[str]
    is_live: bool
    silent: bool
    quiet_minutes: int
    newest_at: datetime
    last_recorded_at: datetime
    heard_up_to: datetime | None
    today: Today


class Sources(BaseModel):
    """All sources that the caller may read; `strangers` are today's rejections by sender that belong to none of them."""

    labels: dict[str, str]
    sources: list[SourceLine]
    strangers: dict[str, int]


class GapsSeen(BaseModel):
    """Numbers that never came, and some of them."""

    missing: int
    examples: list[str]


class DayCard(BaseModel):
    """One day of recording; delays in seconds, silence in office minutes."""

    day: date
    accepted: int
    duplicate: int
    out_of_order: int
    rejected: int
    rejected_fields: dict[str, int]
    delay_p50: int | None
    delay_p95: int | None
    received: int
    missing_facts: dict[str, int]
    reopened: int
    backward: int
    code_date_differs: int
    id_gaps: GapsSeen
    code_gaps: GapsSeen
    longest_silence: int


class Scorecard(BaseModel):
    """A source's cards, oldest first."""

    source: str
    units: list[str]
    labels: dict[str, str]
    days: list[DayCard]


class Question(BaseModel):
    """Either `ids`, or a range `from_id`–`to_id`, both included."""

    source: Key
    ids: Annotated[list[Key], Field(max_length=LONGEST_SERIES)] | None = None
    from_id: Key | None = None
    to_id: Key | None = None

    @model_validator(mode="after")
    def _one_way_of_asking(self) -> Question:
        a_range = self.from_id is not None and self.to_id is not None
        half = (self.from_id is None) != (self.to_id is None)
        if half or a_range == (self.ids is not None):
            raise ValueError("give either ids, or both from_id and to_id")
        return self


class Arrived(BaseModel):
    """Which ids arrived; `missing` is absent where the range's ids are not numbers of one series."""

    source: str
    arrived: list[str]
    missing: list[str] | None = None


class ScorecardApi:
    """The doors with what they need; `router()` gives the routes."""

    def __init__(self, sources: ShowSources, cards: ShowScorecards, ask: AskArrived, tokens: Tokens) -> None:
        self._sources, self._cards, self._ask, self._tokens = sources, cards, ask, tokens

    def router(self) -> APIRouter:
        """Sources, their scorecards, the gap query."""
        router = APIRouter(prefix="/v1")
        router.add_api_route("/sources", self.sources, methods=["GET"], response_model=Sources)
        router.add_api_route("/sources/scorecard", self.scorecard, methods=["GET"], response_model=Scorecard)
        router.add_api_route("/arrived", self.arrived, methods=["POST"], response_model=Arrived)
        return router

    async def sources(self, request: Request) -> Sources:
        """Every source whose units are all the caller's, by name."""
        party = self._tokens.party(request)
        found, strangers = await self._sources()
        mine = {name: count for name, count in strangers.items() if "*" in party.units or name == party.name}
        return Sources(
            labels=CARD | STANDING,
            sources=[_line(one) for one in found if _may_read(party, one.units)],
            strangers=mine,
        )

    async def scorecard(
        self,
        request: Request,
        source: str,
        begin: Annotated[date, Query(alias="from")],
        end: Annotated[date, Query(alias="to")],
    ) -> Any:
        """A card for each day of the window, both days included, on which the source spoke or should have spoken."""
        party = self._tokens.party(request)
        units = await self._cards.units_of(source)
        if not _may_read(party, units) or not units:
            reason = f"no source {source!r} that {party.name} may read (see GET /v1/sources)"
            return JSONResponse({"error": reason}, status_code=404)
        if not 0 <= (end - begin).days < LONGEST_DAYS:
            reason = (
                f"from {begin} to {end} is no window (the last day comes after the first, {LONGEST_DAYS} days at most)"
            )
            return JSONResponse({"error": reason}, status_code=422)
        cards = await self._cards.cards(source, begin, end)
        return Scorecard(source=source, units=units, labels=CARD, days=[_card(one) for one in cards])

    async def arrived(self, request: Request, question: Question) -> Any:
        """Which ids of a source arrived in the caller's units; what was said of other units counts as missing."""
        party = self._tokens.party(request)
        units = None if "*" in party.units else sorted(party.units)
        try:
            if question.ids is not None:
                found, missing = await self._ask.among(question.source, list(dict.fromkeys(question.ids)), units)
                return Arrived(source=question.source, arrived=found, missing=missing)
            assert question.from_id is not None
            assert question.to_id is not None
            arrived, holes = await self._ask.between(question.source, question.from_id, question.to_id, units)
        except RangeTooLong as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return Arrived(source=question.source, arrived=arrived, missing=holes)


def _may_read(party: Party, units: list[str]) -> bool:
    return "*" in party.units or (bool(units) and all(party.may_speak_for(unit) for unit in units))


def _line(one: Overview) -> SourceLine:
    today = Today(**{what.value: count for what, count in one.today.items()})
    return SourceLine(**asdict(one) | {"today": today})


def _card(card: Card) -> DayCard:
    return DayCard(**asdict(card))
