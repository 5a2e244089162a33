"""The clock is part of the environment: tests and the demo run the same code at a simulated now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from shared.localtime import LOCAL


class Clock(Protocol):
    """Says what time it is, as an aware instant at +07:00."""

    def now(self) -> datetime:
        """The present moment."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment by the machine."""
        return datetime.now(UTC).astimezone(LOCAL)


class SimulatedClock:
    """A clock that stands still until somebody moves it; it never goes back, as no clock of an office does."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(LOCAL)

    def now(self) -> datetime:
        """The simulated present moment."""
        return self._now

    def advance(self, to: datetime) -> None:
        """Move to `to`; an earlier instant changes nothing."""
        self._now = max(self._now, to.astimezone(LOCAL))
