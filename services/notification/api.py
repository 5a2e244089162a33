"""HTTP door of the notification service: the delivery log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.notification.usecases import ShowAlerts
from shared.http import Forbidden, Tokens


class NotificationApi:
    """The door with what it needs; `router()` gives the routes."""

    def __init__(self, show: ShowAlerts, tokens: Tokens) -> None:
        self._show, self._tokens = show, tokens

    def router(self) -> APIRouter:
        """`GET /v1/alerts`."""
        router = APIRouter()
        router.add_api_route("/v1/alerts", self.alerts, methods=["GET"])
        return router

    async def alerts(
        self, request: Request, unit: Annotated[list[str], Query()], limit: Annotated[int, Query(ge=1, le=10_000)] = 100
    ) -> list[dict[str, Any]]:
        """What was decided and what became of it, newest first; never the text of an alert."""
        party = self._tokens.party(request)
        if any(not party.may_speak_for(one) for one in unit):
            raise Forbidden(f"{party.name} may not read these units")
        found = await self._show([] if unit == ["all"] else unit, limit)
        return [{k: v.isoformat() if isinstance(v, datetime) else v for k, v in one.items()} for one in found]
