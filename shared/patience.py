"""How long to wait before the next attempt: longer after each failure, briefly again after a spell without one."""

from __future__ import annotations

FIRST, LONGEST = 0.5, 30.0
HEALTHY = 60.0
"""Seconds without a failure after which the trouble before is over: the next one is a new one."""


class Pauses:
    """The pauses of one task; it is told how long each attempt ran and never looks at a clock."""

    def __init__(self) -> None:
        self._next = FIRST

    def after(self, ran: float) -> float:
        """Seconds to wait after an attempt that failed once it had run for `ran` seconds."""
        pause = FIRST if ran >= HEALTHY else self._next
        self._next = min(LONGEST, pause * 2)
        return pause
