"""Who issues a document and signs it, where, and who receives it: data of the rule folder, with the unit's own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import Field

from shared.documents import messages
from shared.rules import RuleModel
from shared.units import Unit


class Issuer(RuleModel):
    """Who issues a document and signs it, where, and who receives it."""

    agency_vi: list[str]
    number_vi: str
    place_vi: str
    addressee_vi: str
    signed_as_vi: list[str]
    recipients_vi: list[str]


class Deviation(RuleModel):
    """What one unit does otherwise."""

    agency_vi: list[str] | None = None
    number_vi: str | None = None
    place_vi: str | None = None
    addressee_vi: str | None = None
    signed_as_vi: list[str] | None = None
    recipients_vi: list[str] | None = None


class Administration(RuleModel):
    """Issuers: one for every unit, and what single units do otherwise."""

    default: Issuer
    units: dict[str, Deviation] = Field(default_factory=dict)

    def of(self, unit: str) -> Issuer:
        """The issuer of a unit's documents."""
        own = self.units.get(unit)
        return self.default.model_copy(update=own.model_dump(exclude_none=True)) if own else self.default


def words_of(unit: Unit) -> dict[str, str]:
    """What an issuer's texts may name of a unit: `{kind}` xã, `{name}` Bình Giang, both in capitals too, `{province}`."""
    kind, name = split_name(unit.name)
    return {
        "kind": kind,
        "name": name,
        "KIND": kind.upper(),
        "NAME": name.upper(),
        "province": lower_first(unit.province_name),
    }


def issued_by(issuer: Issuer, words: Mapping[str, str]) -> dict[str, Any]:
    """The issuer's texts with the words put in, without the suffix `_vi`: `agency`, `number`, `place`, `signed_as` …"""
    return {
        key.removesuffix("_vi"): [one.format(**words) for one in value] if isinstance(value, list) else value.format(**words)
        for key, value in issuer.model_dump().items()
    }  # fmt: skip


def place_and_date(place: str, day: date) -> str:
    """`Bình Giang, ngày 05 tháng 12 năm 2025`."""
    return messages.PLACE_AND_DATE.format(
        place=place, day=_padded(day.day, 9), month=_padded(day.month, 2), year=day.year
    )


def split_name(name: str) -> tuple[str, str]:
    """`Xã Bình Giang` → `xã`, `Bình Giang`."""
    for kind in messages.KINDS:
        if name.lower().startswith(f"{kind} "):
            return kind, name[len(kind) + 1 :]
    return "", name


def lower_first(name: str) -> str:
    """A name inside a sentence: `thành phố Hải Phòng`, `quý IV/2025`."""
    return name[:1].lower() + name[1:]


def _padded(value: int, up_to: int) -> str:
    # NĐ 30/2020, Phụ lục I: a zero before days below 10 and months 1 and 2
    return f"{value:02d}" if value <= up_to else str(value)
