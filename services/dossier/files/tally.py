"""Refusals counted by reason: what a person reads first when a sheet comes back."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass

from shared.events.statements import Refused

MAX_REASONS = 200
LINES = EXAMPLES = 5
OTHER = "other reasons"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PARTICULAR = re.compile(rf"{_QUOTED.pattern}|\d[\d,]*")


@dataclass(slots=True)
class Reason:
    """One kind of refusal: its field, its reason without particulars, how many rows, and the first of their lines.

    `examples` are the first different cells that were refused so, quoted: what a mapping may have to explain.
    """

    field: str
    reason: str
    advice: str
    rows: int = 0
    lines: list[int] = dataclasses.field(default_factory=list)
    examples: list[str] = dataclasses.field(default_factory=list)


class Tally:
    """Counts refusals; holds a bounded number of reasons whatever comes."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str], Reason] = {}

    def note(self, line: int, refused: Refused) -> None:
        """Count one refusal."""
        general = _PARTICULAR.sub("…", refused.reason)
        key = (refused.field, general)
        if key not in self._reasons and len(self._reasons) >= MAX_REASONS:
            key = ("", OTHER)
        reason = self._reasons.get(key)
        if reason is None:
            reason = self._reasons[key] = Reason(*key, refused.advice if key[0] else "")
        reason.rows += 1
        if len(reason.lines) < LINES:
            reason.lines.append(line)
        found = _QUOTED.search(refused.reason)
        if found and len(reason.examples) < EXAMPLES and found[0] not in reason.examples:
            reason.examples.append(found[0])

    def reasons(self) -> list[Reason]:
        """The reasons, most frequent first."""
        return sorted(self._reasons.values(), key=lambda reason: -reason.rows)
