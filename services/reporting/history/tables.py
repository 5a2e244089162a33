"""Tables of what was known when, beside the facts of now."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP


def history_tables(metadata: MetaData) -> tuple[Table, Table, Table]:
    """`known_revision`: every revision heard, with its statements. `known_span`: what was known otherwise than now. `known_since`: one row."""
    revision = Table(
        "known_revision",
        metadata,
        Column("unit", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("revision", Integer, primary_key=True),
        Column("recorded_at", TIMESTAMP(timezone=True), nullable=False),
        Column("source", Text, nullable=False),
        Column("stated", JSONB),
    )
    span = Table(
        "known_span",
        metadata,
        Column("unit", Text, primary_key=True),
        Column("code", Text, primary_key=True),
        Column("known_from", Date, primary_key=True),
        Column("valid_from", Date, primary_key=True),
        Column("known_to", Date, nullable=False),
        Column("valid_to", Date, nullable=False),
        Column("state", JSONB),
        Index("ix_known_span_unit_known_to", "unit", "known_to"),
    )
    since = Table(
        "known_since",
        metadata,
        Column("id", SmallInteger, primary_key=True, autoincrement=False),
        Column("day", Date, nullable=False),
        Column("is_partial", Boolean, nullable=False),
    )
    return revision, span, since
