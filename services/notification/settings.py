"""Settings of the notification service alone."""

from __future__ import annotations

from pydantic import Field

from shared.settings import ServiceSettings


class NotificationSettings(ServiceSettings):
    """What an operator may tune of the notification service."""

    stale_after_days: int = Field(
        default=3, ge=0, description="working days after which what happened is listed, not alerted"
    )
    max_attempts: int = Field(default=12, ge=1, description="attempts to deliver before an alert is given up")
    first_retry_seconds: float = Field(default=5.0, gt=0, description="pause after the first failed attempt; doubles")
    bundle: int = Field(
        default=50, ge=1, description="alerts of one rule and receiver that one message carries at most"
    )
    digest: int = Field(default=1000, ge=1, description="alerts that one digest carries at most")
    deliver_seconds: float = Field(default=1.0, gt=0, description="seconds between two looks for deliveries")
