"""What is asked of a board, and how a figure stands against a plan's target; figures as people here write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whose figures of which days; `period` is the code of a report period, its days as of today at the latest."""

    units: Sequence[str]
    period: str
    begin: date
    end: date
    today: date
    now: datetime


class Standing(StrEnum):
    """How a figure stands against what it should be."""

    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


def against(value: Any, at_least: int | None, *, none_is_good: bool) -> Standing:
    """Compare with a threshold in percent; without a value or a threshold nothing is judged."""
    if value is None:
        return Standing.PLAIN
    if none_is_good:
        return Standing.BAD if value > 0 else Standing.GOOD
    if at_least is None:
        return Standing.PLAIN
    return Standing.GOOD if value >= at_least else Standing.BAD


def written(value: Any, suffix: str = "") -> str:
    """A figure or text as it is shown: `1.234`, `92,1 %`, `–` for nothing."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".") + suffix
    if isinstance(value, Decimal | float):
        if isinstance(value, Decimal) and value.as_tuple().exponent == 0:  # a sum, not a share
            return written(int(value), suffix)
        return f"{value:,.1f}".translate(_SIGNS) + suffix
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return str(value) + suffix


def lasting(seconds: float) -> str:
    """A span of time in the largest unit of which there are two at least: `330 ngày`, `36 giờ`, `90 phút`, `45 giây`."""
    for size, unit in ((86_400, "ngày"), (3_600, "giờ"), (60, "phút")):
        if seconds >= 2 * size:
            return written(int(seconds // size), f" {unit}")
    return written(round(seconds), " giây")


_SIGNS = str.maketrans({",": ".", ".": ","})
