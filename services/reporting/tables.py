"""The reporting service's tables: facts, spans, the rollup, closed reports, the outbox."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Date, Index, Integer, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import NAMING
from shared.facts import fact_table, span_table
from shared.outbox import outbox_table

metadata = MetaData(schema="reporting", naming_convention=NAMING)


class Base(SQLModel, registry=registry(metadata=metadata)):
    """One registry a service: one process may hold four."""


fact = fact_table(metadata)
span = span_table(metadata)
outbox = outbox_table(metadata)

rollup = Table(
    "rollup",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("effective_on", Date, primary_key=True),
    Column("n", Integer, nullable=False),
    Index("ix_rollup_unit_effective_on", "unit", "effective_on"),
)
"""Sums of every dossier's entries (`shared.facts.entries`); moved in the statement that moves the facts."""


class Report(Base, table=True):
    """A closed report: frozen figures, never updated."""

    __tablename__ = "report"

    unit: str = Field(primary_key=True)
    form: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    begin: date
    end: date
    closed_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
    closed_by: str
    closed_as: str
    supersedes: int | None
    fingerprint: str
    document: bytes
    figures: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ReportFile(Base, table=True):
    """A document of a closed report, byte for byte as its checksum was signed."""

    __tablename__ = "report_file"

    unit: str = Field(primary_key=True)
    form: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    media_type: str
    sha256: str
    content: bytes


class ReportKey(Base, table=True):
    """A public key that checks closed reports; kept when the installation gets another one."""

    __tablename__ = "report_key"

    key_id: str = Field(primary_key=True)
    public_pem: str
