"""What the one-stop centre says of petitions, *phản ánh, kiến nghị* (contracts.md §3, domain.md §6).

The same envelope as for dossiers, `petition.<kind>` for its kind. A statement says that something happened to a
petition, never who wrote it or what it says: texts and persons are dropped when a statement is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from shared.events.envelope import Instant, encode_event
from shared.events.statements import (
    TYPE_PREFIX,
    TYPE_SUFFIX,
    Refused,
    Short,
    check_happened,
    check_keys,
    check_unit,
    check_year,
    decode_record,
    kind_named,
    tidy_text,
)

PREFIX = "petition."


class PetitionKind(StrEnum):
    """The kinds of statements about a petition, in the order in which those of one instant are folded."""

    RECEIVED = "petition.received"
    REJECTED = "petition.rejected"
    """Not taken up: outside NĐ 20/2008/NĐ-CP, anonymous, or not in Vietnamese."""
    CLASSIFIED = "petition.classified"
    TRANSFERRED = "petition.transferred"
    """Passed on to the agency that has to answer."""
    PROCESSING = "petition.processing"
    ANSWERED = "petition.answered"
    PUBLISHED = "petition.published"
    RATED = "petition.rated"
    REOPENED = "petition.reopened"
    """Its sender complained again."""
    UPDATED = "petition.updated"


PETITION_RANK: dict[PetitionKind, int] = {kind: rank for rank, kind in enumerate(PetitionKind)}


class PetitionFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every fact that a statement about a petition may carry; `None` says nothing."""

    received_at: Instant | None = None
    petition_class: Literal["rules", "staff"] | None = msgspec.field(name="class", default=None)
    """About rules and procedures, or about the conduct of officials (QĐ 766)."""
    reason_code: Literal["out_of_scope", "anonymous", "not_vietnamese"] | None = None
    agency: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    channel: Literal["direct", "online", "post"] | None = None
    field: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    complex: bool | None = None
    satisfied: bool | None = None


class PetitionData(PetitionFacts, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of a record about a petition."""

    unit: Short
    petition: Short


class PetitionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record about a petition as its sender writes it: one CloudEvent in JSON."""

    id: Short
    source: Short
    type: Short
    time: Instant
    data: PetitionData
    subject: str | None = None
    specversion: str = "1.0"
    correlationid: Annotated[str, msgspec.Meta(max_length=200)] = ""


class PetitionStatement(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted statement: who says it (`source`, `id`: the key for ever), about which petition, when it happened."""

    source: str
    id: str
    kind: PetitionKind
    unit: str
    petition: str
    time: datetime
    facts: PetitionFacts = PetitionFacts()
    correlation: str = ""

    @property
    def code(self) -> str:
        """What it speaks of."""
        return self.petition


_records = msgspec.json.Decoder(PetitionRecord)
_fact_names = PetitionFacts.__struct_fields__


def is_petition(kind: str) -> bool:
    """Whether a kind, as subjects and the journal write it, is one about petitions."""
    return kind.startswith(PREFIX)


def parse_petition(body: bytes, *, knows_unit: Callable[[str], bool], now: datetime) -> PetitionStatement:
    """Read one CloudEvent as a statement about a petition; raises `Refused` naming the field, as `parse_statement` does.

    A rating that does not say whether the sender is satisfied says nothing and is refused; what else is missing passes.
    """
    record = decode_record(_records, body)
    kind, data = PetitionKind(kind_named(record.type, PETITION_RANK)), record.data
    check_keys(record, "data.petition", data.petition)
    if data.received_at is not None:
        check_year("data.received_at", data.received_at)
    check_unit(data.unit, knows_unit)
    if kind is PetitionKind.RECEIVED:
        check_happened("data.received_at", data.received_at or record.time, now)
    if kind is PetitionKind.RATED and data.satisfied is None:
        raise Refused("data.satisfied", "is missing", "say true or false; a rating says nothing else")
    said: dict[str, Any] = {name: _tidy(value) for name in _fact_names if (value := getattr(data, name)) is not None}
    return PetitionStatement(
        source=record.source,
        id=record.id,
        kind=kind,
        unit=data.unit,
        petition=tidy_text(data.petition),
        time=record.time,
        facts=PetitionFacts(**said),
        correlation=record.correlationid,
    )


def encode_petition(statement: PetitionStatement) -> bytes:
    """Write a statement as the CloudEvent that `parse_petition` reads; it holds known facts only."""
    return encode_event(
        type=f"{TYPE_PREFIX}{statement.kind}{TYPE_SUFFIX}",
        id=statement.id,
        source=statement.source,
        subject=statement.petition,
        time=statement.time,
        data={"unit": statement.unit, "petition": statement.petition, **msgspec.to_builtins(statement.facts)},
        correlation=statement.correlation,
    )


def _tidy(value: object) -> object:
    return tidy_text(value) if isinstance(value, str) else value
