"""The window that a question is about."""

from __future__ import annotations

from datetime import date


class WindowMissing(ValueError):
    """Neither a period nor both days of a window were named."""

    def __init__(self) -> None:
        super().__init__("give a period, or both from and to")


def both_days(begin: date | None, end: date | None) -> tuple[date, date]:
    """The first and the last day, when both are there; raises `WindowMissing`."""
    if begin is None or end is None:
        raise WindowMissing
    return begin, end
