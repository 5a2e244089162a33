"""The inspection service's tables: facts and spans, owed reports, the targets' progress, evidence, decisions, the outbox."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, MetaData
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import NAMING
from shared.facts import fact_table, span_table
from shared.outbox import outbox_table
from shared.petition_facts import petition_tables

metadata = MetaData(schema="inspection", naming_convention=NAMING)


class Base(SQLModel, registry=registry(metadata=metadata)):
    """One registry a service: one process may hold four."""


def _instant() -> Any:
    return Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))


fact = fact_table(metadata)
span = span_table(metadata)
petition_fact, petition_span = petition_tables(metadata)
outbox = outbox_table(metadata)


class OwedReportRow(Base, table=True):
    """A report that is owed, as last told; `field` is its rung, `agency` who owes it (`shared.measures.OWED_REPORT`)."""

    __tablename__ = "owed_report"

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int
    field: str
    agency: str
    due_on: date | None
    handed_in_on: date | None
    late: bool


class ProgressRow(Base, table=True):
    """A target's figures in one period, as last measured."""

    __tablename__ = "progress"

    plan: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    begin: date
    end: date
    hit: int | None
    base: int | None
    unknown: int | None
    verdict: str
    measured_at: datetime = _instant()


class Evidence(Base, table=True):
    """A document that moves an item; never a citizen's data."""

    __tablename__ = "evidence"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    unit: str
    plan: str
    item: str
    agency: str
    title: str
    number: str
    document_date: date | None
    link: str
    recorded_by: str
    recorded_at: datetime = _instant()
