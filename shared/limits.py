"""Limits as laws and portals write them: an amount and its unit, the unit being part of the value.

A number that was published without a unit stays one of unknown unit: nobody here guesses that it means days.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class LimitUnit(StrEnum):
    """What an amount counts (domain.md §2.1)."""

    WORKING_DAY = "working_day"
    DAY = "day"
    WORKING_HOUR = "working_hour"
    HOUR = "hour"
    MONTH = "month"
    SAME_DAY = "same_day"
    """By the end of the day; taken in too late in the day, by the end of the next working day (the 15:00 rule)."""
    UNKNOWN = "unknown"


WORDS: dict[LimitUnit, str] = {
    LimitUnit.WORKING_DAY: "ngày làm việc",
    LimitUnit.DAY: "ngày",
    LimitUnit.WORKING_HOUR: "giờ làm việc",
    LimitUnit.HOUR: "giờ",
    LimitUnit.MONTH: "tháng",
}
_BY_WORD = {word: unit for unit, word in WORDS.items()} | {"nlv": LimitUnit.WORKING_DAY, "": LimitUnit.UNKNOWN}
SAME_DAY, NO_INFORMATION = "trong ngày", "không có thông tin"
_LIMIT = re.compile(r"(\d{1,3}(?:[.,]\d{3})+|\d+)\s*([^\d.,]*)")


class UnreadableLimit(ValueError):
    """A text that states no limit."""

    def __init__(self, text: str) -> None:
        self.text = text
        known = ", ".join(repr(word) for word in WORDS.values())
        super().__init__(
            f"{text!r} is no limit (write a whole number and its unit, one of {known}, or {SAME_DAY!r}; several cases with a slash)"
        )


@dataclass(frozen=True)
class Limit:
    """So many of a unit; `same_day` has the amount 0."""

    amount: int
    unit: LimitUnit

    @property
    def is_known(self) -> bool:
        """Whether a date can be computed from it."""
        return self.unit is not LimitUnit.UNKNOWN

    def __str__(self) -> str:
        if self.unit is LimitUnit.SAME_DAY:
            return SAME_DAY
        return f"{self.amount} {WORDS[self.unit]}" if self.is_known else str(self.amount)


def parse_limits(text: str) -> tuple[Limit, ...]:
    """Read a published time: one limit, or one per case ("5 / 30 ngày làm việc"), or none ("Không có thông tin").

    In a text of several cases a number without a unit takes the unit of the next one that has it, as people write it.
    Raises `UnreadableLimit`.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).casefold().split())
    if plain in ("", NO_INFORMATION):
        return ()
    limits, unit = list[Limit](), LimitUnit.UNKNOWN
    for part in reversed(plain.split("/")):
        limit = _parse_one(part.strip(), text)
        if limit.is_known and limit.unit is not LimitUnit.SAME_DAY:
            unit = limit.unit
        limits.append(limit if limit.is_known else Limit(limit.amount, unit))
    return tuple(reversed(limits))


def _parse_one(part: str, whole: str) -> Limit:
    if part == SAME_DAY:
        return Limit(0, LimitUnit.SAME_DAY)
    found = _LIMIT.fullmatch(part)
    unit = _BY_WORD.get(found[2].strip()) if found else None
    if found is None or unit is None:
        raise UnreadableLimit(whole)
    return Limit(int(re.sub("[.,]", "", found[1])), unit)
