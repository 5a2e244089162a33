"""What the portal's door says of one item, as far as the item alone and what is known of its dossier decide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from services.dossier.portal.items import PacketItem
from services.dossier.portal.translating import Context, translate
from shared.events.dossiers import State
from shared.events.statements import Statement, encode_statement, parse_statement

NO_FAULT_OF_A_LINE = {"progress_before_reception", "field_missing", "procedure_missing"}
"""What a dossier lacks until it has come itself; the lines that came before it are kept and need no answer."""


class Judged(Protocol):
    """A dossier as it was folded."""

    @property
    def state(self) -> State: ...

    @property
    def findings(self) -> Sequence[str]: ...


def source_of(unit: str) -> str:
    """The source under which a unit's packets are known."""
    return f"/dvcqg/{unit}"


def said_by(item: PacketItem, context: Context, knows_unit: Callable[[str], bool]) -> list[Statement]:
    """The statements of one item; raises `Refused`."""
    # read back as the journal will: what it would refuse must be answered here, with the item it came from
    return [
        parse_statement(encode_statement(one), knows_unit=knows_unit, now=context.now)
        for one in translate(item, context)
    ]


def new_findings(before: Judged | None, after: Judged | None) -> list[str]:
    """What became odd about a dossier, by code."""
    if after is None:
        return []
    told = set(after.findings) - set(before.findings if before else ())
    return sorted(told if after.state.received_at else told - NO_FAULT_OF_A_LINE)
