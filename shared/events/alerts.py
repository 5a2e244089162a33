"""What the notification service says of alerts: which, to which role, what became of it; never its text."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlertEvent(StrEnum):
    """Events `alert.v1.<unit>.…`: decided on once, then sent or given up."""

    DECIDED = "decided"
    SENT = "sent"
    FAILED = "failed"


class AlertSaid(msgspec.Struct, frozen=True, kw_only=True):
    """One alert to one role; `subject` is what the event that caused it is about."""

    key: str
    unit: str
    rule: str
    role: str
    event: str
    subject: str
    urgency: str
    status: str
