"""The reporting service's tables: facts, spans, the rollup, closed reports, the outbox."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from services.reporting.history.tables import history_tables
from shared.database import NAMING
from shared.facts import fact_table, span_table
from shared.outbox import outbox_table
from shared.petition_facts import petition_tables

metadata = MetaData(schema="reporting", naming_convention=NAMING)


class Base(SQLModel, registry=registry(metadata=metadata)):
    """One registry a service: one process may hold four."""


fact = fact_table(metadata)
span = span_table(metadata)
petition_fact, petition_span = petition_tables(metadata)
known_revision, known_span, known_since = history_tables(metadata)
outbox = outbox_table(metadata)

rollup = Table(
    "rollup",
    metadata,
    *(Column(name, type_, nullable=False) for name, type_ in
      (("unit", Text), ("field", Text), ("kind", Text), ("day", Date), ("effective_on", Date), ("n", Integer))),
    PrimaryKeyConstraint("unit", "day", "effective_on", "field", "kind"),
    Index("ix_rollup_unit_effective_on", "unit", "effective_on"),
)  # fmt: skip
"""Sums of every dossier's entries (`shared.facts.entries`); moved in the statement that moves the facts."""

rollup_sum = Table(
    "rollup_sum",
    metadata,
    Column("unit", Text, primary_key=True),
    Column("size", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("effective_on", Date, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Index("ix_rollup_sum_unit_size_effective_on", "unit", "size", "effective_on"),
)
"""The rollup summed by report month and year (`repository.rollup`), moved in the same statement."""


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


class Publication(Base, table=True):
    """The way of a closed version to the city; `event` is published or restated, `stored_at` when its files lay in the bucket."""

    __tablename__ = "publication"
    __table_args__ = (Index("ix_publication_waiting", "version", postgresql_where=text("stored_at IS NULL")),)

    unit: str = Field(primary_key=True)
    form: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    event: str
    stored_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    published_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    acknowledge_by: date | None
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    acknowledgement_said_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    acknowledged_by: str | None
    overdue_said_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))


class ReportKey(Base, table=True):
    """A public key that checks closed reports; kept when the installation gets another one."""

    __tablename__ = "report_key"

    key_id: str = Field(primary_key=True)
    public_pem: str


class ReportDossier(Base, table=True):
    """A dossier or petition as a closed report counted it: the cells it stands in, and the revision it was counted from."""

    __tablename__ = "report_dossier"

    unit: str = Field(primary_key=True)
    form: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int
    field: str
    columns: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))


class LateFact(Base, table=True):
    """A revision that moved what was counted before a closing; kept, for proposals name who said it."""

    __tablename__ = "late_fact"
    __table_args__ = (Index("ix_late_fact_unjudged", "unit", postgresql_where=text("NOT judged")),)

    unit: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    source: str
    recorded_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
    judged: bool


class ReportProposal(Base, table=True):
    """A change of a closed report that somebody has to decide; `status` is open, approved, rejected or replaced."""

    __tablename__ = "report_proposal"
    __table_args__ = (
        Index(
            "ix_report_proposal_open",
            "unit",
            "form",
            "period",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    unit: str
    form: str
    period: str
    version: int
    status: str
    digest: str
    cells: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    causes: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    opened_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    decided_by: str | None
    decided_as: str | None
    reason: str | None


class OwedReportRow(Base, table=True):
    """A report that one party owes another for a period, and how far it is; `field` is its rung, `agency` who owes it.

    Named so, `shared.measures.share_query` reads it here as it does in the inspection service.
    """

    __tablename__ = "owed_report"
    __table_args__ = (
        Index("ix_owed_report_unmet", "due_on", postgresql_where=text("handed_in_on IS NULL AND watched AND NOT late")),
    )

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    field: str
    agency: str
    owed_by_kind: str
    owed_to: str
    owed_to_kind: str
    form: str
    period: str
    kind: str
    begin: date
    end: date
    due_on: date | None
    remind_on: date | None
    assumed: bool
    warnings: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    watched: bool
    request: str
    state: str
    revision: int
    late: bool
    opened_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
    due_said_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    late_said_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    handed_in_on: date | None
    received_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    received_by: str | None
    document: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    figures: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    checked_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    checked_by: str | None
    checked: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    compiled_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    sent_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(TIMESTAMP(timezone=True)))


class PublishedScore(Base, table=True):
    """Points of an index as the national portal published them; the newest of a row counts, all are kept."""

    __tablename__ = "published_score"
    __table_args__ = (Index("ix_published_score_unit", "unit", "form", "begin", "end"),)

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    unit: str
    form: str
    begin: date
    end: date
    row: str
    score: str
    source: str
    published_on: date
    recorded_by: str
    recorded_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))


class Rebuild(Base, table=True):
    """That facts, spans and rollup were replaced by ones built anew (`motcua rebuild`): from what, and why although they differed."""

    __tablename__ = "rebuild"

    id: int = Field(sa_column=Column(BigInteger, Identity(), primary_key=True))
    promoted_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
    source: str
    events: int
    reason: str | None
    differences: int
    shown: list[Any] = Field(sa_column=Column(JSONB, nullable=False))


class Forecast(Base, table=True):
    """What a unit's running quarter will probably end with, for boards; without history the row says nothing."""

    __tablename__ = "forecast"

    unit: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    begin: date
    end: date
    expected: float | None
    low: float | None
    high: float | None
    must_finish: int | None
    computed_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=False))
