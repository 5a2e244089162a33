"""What the portal's values mean, as data: `portal.yaml`."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from shared.events.statements import Kind
from shared.rules import RuleModel, load


class Payment(RuleModel):
    """One value of DuocThanhToanTrucTuyen."""

    fee_due: bool
    paid_online: bool | None = None


class SaidAsDone(RuleModel):
    """A text that, beside status 9, tells what the dossier really is."""

    text: str = Field(min_length=3)
    kind: Kind


class PortalRules(RuleModel):
    """`portal.yaml`: the portal's lists, and the known ways in which senders say something else than they mean."""

    id: Literal["portal"]
    status: dict[str, Kind]
    channel: dict[str, Literal["direct", "online", "post"]]
    service_level: dict[str, Literal["full", "partial", "none"]]
    applicant: dict[str, Literal["citizen", "business", "agency", "other"]]
    payment: dict[str, Payment]
    said_as_done: tuple[SaidAsDone, ...]
    unless: tuple[str, ...]
    dummy_identity: tuple[str, ...]
    agencies: dict[str, str] = Field(default_factory=dict)

    @field_validator("dummy_identity")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error} (correct it)") from error
        return patterns

    def really(self, text: str) -> Kind | None:
        """What a status 9 with this text really is; `None` when it is the end that it says it is."""
        plain = fold_text(text)
        if any(word in plain for word in self.unless):
            return None
        return next((one.kind for one in self.said_as_done if one.text in plain), None)

    def is_dummy(self, identity: str) -> bool:
        """True for a number that stands where the sender knew none."""
        return any(re.fullmatch(pattern, identity) for pattern in self.dummy_identity)


def fold_text(text: str) -> str:
    """Text without diacritics and capitals, for comparing what people typed."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(char for char in apart if not unicodedata.combining(char)).casefold()


def load_portal_rules(rules_root: Path) -> PortalRules:
    """Read `portal.yaml`; raises `RuleError` naming file, line and field."""
    return load(rules_root / "portal.yaml", PortalRules)
