"""HTTP door of the notification service: the delivery log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from services.notification.usecases import SendAgain, ShowAlerts
from shared.http import Key
from shared.localtime import LOCAL
from shared.parties import Forbidden, Tokens


class GivenUp(BaseModel):
    """Alerts to send again, by their keys."""

    keys: list[Key] = Field(max_length=10_000)


class NotificationApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowAlerts, again: SendAgain, tokens: Tokens) -> None:
        self._show, self._again, self._tokens = show, again, tokens

    def router(self) -> APIRouter:
        """The delivery log, and another try for what was given up."""
        router = APIRouter()
        router.add_api_route("/v1/alerts", self.alerts, methods=["GET"])
        router.add_api_route("/v1/alerts/again", self.again, methods=["POST"])
        return router

    async def alerts(
        self, request: Request, unit: Annotated[list[str], Query()], limit: Annotated[int, Query(ge=1, le=10_000)] = 100
    ) -> list[dict[str, Any]]:
        """What was decided and what became of it, newest first; never the text of an alert."""
        found = await self._show(self._tokens.party(request).readable(unit), limit)
        return [
            {k: v.astimezone(LOCAL).isoformat() if isinstance(v, datetime) else v for k, v in one.items()}
            for one in found
        ]

    async def again(self, request: Request, given_up: GivenUp) -> dict[str, int]:
        """Send given-up alerts again; needs the role `operator` for every unit."""
        party = self._tokens.party(request)
        if "operator" not in party.roles or not party.may_speak_for("*"):
            raise Forbidden(f"{party.name} may not send alerts again")
        return {"due": await self._again(given_up.keys)}
