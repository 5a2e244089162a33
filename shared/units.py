"""The wards and communes since 01/07/2025, by five-digit code; names are for reading, never keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from pydantic import Field

from shared.rules import Lines, RuleError, RuleModel, RuleProblem, load_located


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One ward, commune or special zone; its first report period begins on `founded`."""

    code: str
    name: str
    province_code: str
    province_name: str
    founded: date


class UnknownUnit(LookupError):
    """A code that no ward or commune bears."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(
            f"unknown unit {code!r}: give the five-digit code that the ward or commune bears since 01/07/2025, "
            "such as 10966 for Xã Bình Giang, Thành phố Hải Phòng (leading zeros belong to it)"
        )


class Founding(RuleModel):
    founded: date
    source: str


class Pin(RuleModel):
    """A unit by name and province, whose code must not depend on the edition of `vietnam-provinces`."""

    name: str
    province: str
    source: str


class UnitRules(RuleModel):
    """`units.yaml`: when units were founded, and the codes on which editions of the package disagree."""

    default_founded: date
    source: str
    exceptions: dict[str, Founding] = Field(default_factory=dict)
    codes: dict[str, Pin] = Field(default_factory=dict)


class Units:
    """All units of the country, in the order of their codes."""

    def __init__(self, units: Mapping[str, Unit]) -> None:
        self._units = dict(sorted(units.items()))

    def __len__(self) -> int:
        return len(self._units)

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._units.values())

    def __contains__(self, code: object) -> bool:
        return code in self._units

    def find(self, code: str) -> Unit | None:
        return self._units.get(code)

    def get(self, code: str) -> Unit:
        """The unit of a code; raises `UnknownUnit`."""
        try:
            return self._units[code]
        except KeyError:
            raise UnknownUnit(code) from None

    def in_province(self, code: str) -> tuple[Unit, ...]:
        """Units of a province by its two-digit code; none for a code that no province bears."""
        return tuple(unit for unit in self if unit.province_code == code)


def load_units(rules_root: Path) -> Units:
    """Units of the `vietnam-provinces` package with the founding days of `units.yaml`; raises `RuleError`.

    Takes some 20 ms and keeps about a megabyte: call it once, where the service is built.
    """
    rules, lines = load_located(rules_root / "units.yaml", UnitRules)
    units = list(_read_units(rules))
    problems = list(_check(rules, units, lines))
    if problems:
        raise RuleError(problems)
    return Units({unit.code: unit for unit in units})


def _check(rules: UnitRules, units: list[Unit], lines: Lines) -> Iterator[RuleProblem]:
    codes = {unit.code for unit in units}
    for code in rules.exceptions:
        if code not in codes:
            reason = "no unit has this code (give the five digits since 01/07/2025, in quotes)"
            yield lines.problem(("exceptions", code), reason)
    for code, pin in rules.codes.items():
        if [unit.name for unit in units if unit.code == code] != [pin.name]:
            reason = f"province {pin.province} has no {pin.name}, or another unit has this code (correct name or code)"
            yield lines.problem(("codes", code), reason)


def _read_units(rules: UnitRules) -> Iterator[Unit]:
    pinned = {(pin.province, pin.name): code for code, pin in rules.codes.items()}
    for province in json.loads(_divisions().read_bytes()):
        province_code, province_name = f"{int(province['code']):02d}", province["name"]
        for ward in province["wards"]:
            name = " ".join(ward["name"].split())
            code = pinned.get((province_code, name)) or f"{int(ward['code']):05d}"
            exception = rules.exceptions.get(code)
            yield Unit(
                code=code,
                name=name,
                province_code=province_code,
                province_name=province_name,
                founded=exception.founded if exception else rules.default_founded,
            )


def _divisions() -> Path:
    # the package is found, not imported: its enums of every code would cost more than the whole registry
    spec = find_spec("vietnam_provinces")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("vietnam-provinces is not installed (install motcua with its dependencies)")
    return Path(spec.origin).parent / "data" / "nested-divisions.json"
