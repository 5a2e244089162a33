"""What an alarm says, in an event's words; whatever its labels claim, it belongs to no unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

FIRING, RESOLVED = "alarm.firing", "alarm.resolved"
SYSTEM = "system"
"""Stands where other alerts name their unit: a label is written by whoever writes a metric, and opens no unit's mailbox."""
PAGE, TICKET = "page", "ticket"
ABOUT = ("service_name", "service", "job", "instance", "server_name", "stream_name", "consumer_name", "source")
"""Labels that tell what an alarm is about; others are for machines."""
LONGEST_NAME, LONGEST_TEXT = 100, 500


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm of Alertmanager's message; `until` is none while it goes on."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str]
    since: datetime
    until: datetime | None = None

    @property
    def event(self) -> str:
        """The event's name as alert rules write it."""
        return FIRING if self.until is None else RESOLVED

    @property
    def name(self) -> str:
        """Which rule of Prometheus it comes from."""
        return plain(self.labels.get("alertname", ""), LONGEST_NAME) or "unnamed"

    @property
    def id(self) -> str:
        """The same however often it is repeated; another once it began anew."""
        return f"alarm/{self.fingerprint}/{self.since:%Y%m%dT%H%M%S.%f}/{self.event.partition('.')[2]}"

    def data(self) -> dict[str, Any]:
        """The event's data; an unknown severity is a ticket, for dropping it would be silence."""
        said = {
            "unit": SYSTEM,
            "alarm": self.name,
            "severity": PAGE if self.labels.get("severity") == PAGE else TICKET,
            "about": plain(", ".join(f"{one} {self.labels[one]}" for one in ABOUT if self.labels.get(one)), LONGEST_TEXT),
            "summary": plain(self.annotations.get("summary", ""), LONGEST_TEXT) or self.name,
            "runbook": plain(self.annotations.get("runbook", ""), LONGEST_TEXT),
            "since": self.since.isoformat(),
        }  # fmt: skip
        return said if self.until is None else {**said, "until": self.until.isoformat()}


def plain(text: str, most: int) -> str:
    """One line of at most so many characters: a subject of a mail must hold no line break, and the database no NUL."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
