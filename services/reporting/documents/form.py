"""A form's wording and roles, by its rule file, and the names of its periods."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from services.reporting import messages
from shared.periods import UnknownPeriod, parse_period
from shared.rules import RuleModel, load


class Group(RuleModel):
    """A heading over several columns."""

    title_vi: str
    columns: list[str]


class SignedOff(RuleModel):
    """Which role closes a report, and which one restates it."""

    close: str
    restate: str


class Form(RuleModel):
    """A form's wording, by the rule file."""

    form: str
    valid_from: date
    number_vi: str
    title_vi: str
    measured_in_vi: str
    receiver_vi: str
    groups: list[Group]
    columns: dict[str, str]
    number_vi_heading: str
    field_vi_heading: str
    signed_off: SignedOff


def load_form(rules: Path) -> Form:
    """The form's wording; raises `RuleError` with file, line and field."""
    return load(rules / "forms" / "ii-06a.yaml", Form)


def period_title(code: str) -> str:
    """`2025-Q4` → `Quý IV/2025`, `2026-6M` → `6 tháng đầu năm 2026`; any other text is an ad-hoc window."""
    try:
        parsed = parse_period(code)
    except UnknownPeriod:
        return messages.AD_HOC
    if parsed.quarter:
        return messages.QUARTER.format(quarter=("I", "II", "III", "IV")[parsed.quarter - 1], year=parsed.year)
    wording = {6: messages.SIX_MONTHS, 9: messages.NINE_MONTHS}.get(parsed.through or 12, messages.YEAR)
    return wording.format(year=parsed.year)
