"""When a closed figure would change: cell by cell what it was and would be, and why a decision is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from services.reporting.domain.evidence import canonical
from services.reporting.domain.forms import COLUMNS


class UnknownProposal(LookupError):
    """There is no such proposal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no proposal {number}; see motcua report proposals --unit all")


class ProposalDecided(Exception):
    """A proposal is decided once."""

    def __init__(self, number: int, status: str, by: str | None, at: str, reason: str | None) -> None:
        said = f" ({reason})" if reason else ""
        super().__init__(f"proposal {number} is already {status}, by {by or 'the system'} at {at}{said}")


class ProposalOutdated(Exception):
    """What would be approved is not what was proposed."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"proposal {number} no longer says what would change: further statements have come; "
            "look at the new one: motcua report proposals"
        )


class ReasonMissing(ValueError):
    """A rejection without a reason."""

    def __init__(self, number: int) -> None:
        super().__init__(f"proposal {number} is rejected with a reason only; say --reason '…'")


MEASURED = ("count", "hit", "base", "unknown")
"""Numbers of dossiers in a row of a form with one row a measure."""


def changed_cells(was: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every cell that differs: `{"field", "column", "old", "new"}`, in order; an absent row counts 0.

    `field` is a row's field, or its id in a form with one row a measure; there `column` is count, hit, base or unknown.
    """
    by_id = any("id" in row for row in (*was, *now))
    key, columns = ("id", MEASURED) if by_id else ("field", COLUMNS)
    before, after = ({row[key]: row for row in rows} for rows in (was, now))
    empty = {} if by_id else dict.fromkeys(COLUMNS, 0)
    return [
        {"field": name, "column": column, "old": old.get(column), "new": new.get(column)}
        for name in sorted(before.keys() | after.keys())
        for old, new in [(before.get(name, empty), after.get(name, empty))]
        for column in columns
        if old.get(column) != new.get(column)
    ]


def digest(cells: Sequence[Mapping[str, Any]], causes: Sequence[Mapping[str, Any]]) -> str:
    """What a proposal says, in one hash: the same change is proposed once, and what is approved is what was read."""
    return hashlib.sha256(canonical({"cells": list(cells), "causes": list(causes)})).hexdigest()
