"""A record of any kind, as every door takes it: a statement about a dossier or about a petition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from shared.events.petitions import PREFIX, PetitionStatement, encode_petition, parse_petition
from shared.events.statements import MAX_RECORD_BYTES, TYPE_PREFIX, Statement, encode_statement, parse_statement

Record = Statement | PetitionStatement


class _Typed(msgspec.Struct):
    type: Any = None


class _Claim(msgspec.Struct):
    source: str = ""


_typed = msgspec.json.Decoder(_Typed)
_claims = msgspec.json.Decoder(_Claim)
LONGEST_NAME = 200
"""Characters of a source's name that may be counted under."""


def parse_record(body: bytes, *, knows_unit: Callable[[str], bool], now: datetime) -> Record:
    """Read one CloudEvent; raises `Refused` naming the field at fault."""
    if _is_about_a_petition(body):
        return parse_petition(body, knows_unit=knows_unit, now=now)
    return parse_statement(body, knows_unit=knows_unit, now=now)


def encode_record(record: Record) -> bytes:
    """Write a record as the CloudEvent that `parse_record` reads."""
    return encode_petition(record) if isinstance(record, PetitionStatement) else encode_statement(record)


def claimed_source(body: bytes) -> str:
    """The source that a refused record claims to come from; empty where it cannot be read."""
    try:
        claim = _claims.decode(body).source
    except (ValueError, RecursionError):
        return ""
    # what PostgreSQL cannot store must not spoil the counts of its neighbours
    return claim if claim.isprintable() and len(claim) <= LONGEST_NAME else ""


def _is_about_a_petition(body: bytes) -> bool:
    """By its type; what cannot be read is left to the parser of statements, which says why."""
    if len(body) > MAX_RECORD_BYTES:
        return False
    try:
        named = _typed.decode(body).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(named, str) and named.startswith(f"{TYPE_PREFIX}{PREFIX}")
