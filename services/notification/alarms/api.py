"""The door for Alertmanager: its webhook message, version 4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field

from services.notification.alarms.domain import Alarm
from services.notification.alarms.usecases import HearAlarms
from shared.clock import Clock
from shared.http import YEARS, Moment
from shared.parties import Forbidden, Tokens

log = structlog.get_logger()
ROLE = "alarms"
MOST_ALARMS = 1_000
Texts = Annotated[dict[str, str], Field(max_length=200)]


class WebhookAlarm(BaseModel):
    """One alarm as Alertmanager writes it; `endsAt` of one that goes on lies in the year 1, or ahead."""

    status: Literal["firing", "resolved"]
    labels: Texts
    annotations: Texts = Field(default_factory=dict)
    startsAt: Moment
    endsAt: AwareDatetime
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")]


class WebhookMessage(BaseModel):
    """Alertmanager's message; what we do not read of it is not described."""

    version: Literal["4"]
    truncatedAlerts: Annotated[int, Field(ge=0)] = 0
    alerts: list[WebhookAlarm] = Field(max_length=MOST_ALARMS)


class AlarmsApi:
    """The door with what it needs; `router()` gives the route."""

    def __init__(self, hear: HearAlarms, clock: Clock, tokens: Tokens) -> None:
        self._hear, self._clock, self._tokens = hear, clock, tokens

    def router(self) -> APIRouter:
        """One route."""
        router = APIRouter()
        router.add_api_route("/v1/alarms", self.alarms, methods=["POST"])
        return router

    async def alarms(self, request: Request, message: WebhookMessage) -> dict[str, int]:
        """Take alarms over; needs the role `alarms`. The same message again changes nothing."""
        party = self._tokens.party(request)
        if ROLE not in party.roles:
            raise Forbidden(f"{party.name} may not hand over alarms; its token needs the role {ROLE}")
        if message.truncatedAlerts:
            log.warning("alarms_truncated", missing=message.truncatedAlerts, doing="see them in Alertmanager")
        now = self._clock.now()
        await self._hear([_alarm(one, now) for one in message.alerts])
        return {"taken": len(message.alerts)}


def _alarm(said: WebhookAlarm, now: datetime) -> Alarm:
    ended = None if said.status == "firing" else said.endsAt if said.endsAt.year in YEARS else now
    return Alarm(
        fingerprint=said.fingerprint,
        labels=said.labels,
        annotations=said.annotations,
        since=said.startsAt,
        until=ended,
    )
