"""Facts that figures about petitions are made of: spans of days, as `shared.facts` keeps them of dossiers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, MetaData, Table, Text, text

from shared.database import Session
from shared.events.petition_snapshots import PetitionSnapshot, PetitionState, petition_states_by_day
from shared.facts import NO_FIELD, keep_revisions, newest, replace_spans, stack
from shared.localtime import local_date

FACT, SPAN = "petition_fact", "petition_span"
_COPIED = ("status", "outcome", "petition_class", "reason_code", "agency", "channel", "complex", "satisfied", "reopenings", "late_rounds")  # fmt: skip
COLUMNS: dict[str, str] = {
    "unit": "text", "code": "text", "valid_from": "date", "valid_to": "date", "field": "text", "received_on": "date",
    "transfer_due_on": "date", "checked_on": "date", "due_on": "date", "settled_on": "date", "transferred_on": "date",
    "published_on": "date", "rated_on": "date", "status": "text", "outcome": "text", "petition_class": "text",
    "reason_code": "text", "agency": "text", "channel": "text", "complex": "boolean", "satisfied": "boolean",
    "reopenings": "integer", "late_rounds": "integer",
}  # fmt: skip
"""Columns of a span with their PostgreSQL types, in table order; `due_on` is the answer's."""

_SQL_TYPES: dict[str, Any] = {"text": Text, "date": Date, "boolean": Boolean, "integer": Integer}
_ALWAYS = {"unit", "code", "valid_from", "valid_to", "field", "received_on", "status", "reopenings", "late_rounds"}


def petition_tables(metadata: MetaData) -> tuple[Table, Table]:
    """The newest revision of each petition, and its spans, in one service's schema."""
    fact = Table(
        FACT,
        metadata,
        Column("unit", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("revision", Integer, nullable=False),
    )
    span = Table(
        SPAN,
        metadata,
        Column("id", BigInteger, primary_key=True, autoincrement=True),
        *(Column(name, _SQL_TYPES[type_], nullable=name not in _ALWAYS) for name, type_ in COLUMNS.items()),
        Index("ix_petition_span_unit_code", "unit", "code"),
        Index("ix_petition_span_unit_received", "unit", "received_on", "valid_to"),
        Index("ix_petition_span_unit_open", "unit", "valid_to", postgresql_where=text("settled_on IS NULL")),
    )
    return fact, span


def petition_spans(snapshot: PetitionSnapshot) -> list[dict[str, Any]]:
    """The spans of one petition, oldest first; the last one is valid for ever. One never received has none."""
    return stack((day, _row(snapshot, state)) for day, state in petition_states_by_day(snapshot.timeline))


def _row(snapshot: PetitionSnapshot, state: PetitionState) -> dict[str, Any]:
    received_on, settled_on = _day(state.received_at), _day(state.settled_at)
    if received_on and settled_on:
        # a correction may put the reception behind the answer; it then counts on its first day, as a dossier does
        settled_on = max(received_on, settled_on)
    return {
        "unit": snapshot.unit,
        "code": snapshot.petition,
        "field": state.field or NO_FIELD,
        "received_on": received_on,
        "transfer_due_on": _day(state.transfer_due_at),
        "checked_on": _day(state.checked_at),
        "due_on": _day(state.answer_due_at),
        "settled_on": settled_on,
        "transferred_on": _day(state.transferred_at),
        "published_on": _day(state.published_at),
        "rated_on": _day(state.rated_at),
        **{name: getattr(state, name) for name in _COPIED},
    }


def _day(instant: datetime | None) -> date | None:
    return local_date(instant) if instant is not None else None


async def store_newer_petitions(session: Session[Any], snapshots: Sequence[PetitionSnapshot]) -> list[tuple[str, str]]:
    """Keep snapshots that are newer than what is known; returns the (unit, code) that changed."""
    wanted = newest(snapshots)
    changed = await keep_revisions(session, wanted, table=FACT)
    if changed:
        rows = [span for one in wanted if (one.unit, one.petition) in changed for span in petition_spans(one)]
        await replace_spans(session, sorted(changed), rows, table=SPAN, columns=COLUMNS)
    return sorted(changed)
