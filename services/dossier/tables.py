"""The dossier service's tables: the journal of statements, each dossier's state, the sources, clocks, apologies, the outbox."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import NAMING
from shared.outbox import outbox_table

metadata = MetaData(schema="dossier", naming_convention=NAMING)


class Base(SQLModel, registry=registry(metadata=metadata)):
    """One registry a service: one process may hold four."""


def _instant(*, nullable: bool = True) -> Any:
    return Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=nullable))


class Journal(Base, table=True):
    """Every accepted statement, append-only; (source, id) counts once for ever."""

    __tablename__ = "journal"
    __table_args__ = (
        Index("ix_journal_unit_dossier", "unit", "dossier"),
        Index(
            "ix_journal_recorded_at", "recorded_at", postgresql_using="brin", postgresql_with={"pages_per_range": "32"}
        ),
    )

    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    unit: str
    dossier: str
    kind: str
    happened_at: datetime = _instant(nullable=False)
    recorded_at: datetime = _instant(nullable=False)
    door: str
    sequence: int
    correlation: str
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Dossier(Base, table=True):
    """The folded state of each dossier and what was already said about its promise."""

    __tablename__ = "dossier"
    __table_args__ = (
        Index("ix_dossier_running", "source", "due_at", postgresql_where=text("is_running")),
        Index("ix_dossier_with_findings", "unit", "code", postgresql_where=text("snapshot ? 'findings'")),
        Index("ix_dossier_called_overdue", "unit", postgresql_where=text("overdue_said_for IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    source: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    due_at: datetime | None = _instant()
    is_running: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    overdue_said_for: datetime | None = _instant()
    due_soon_said_for: datetime | None = _instant()
    correlation: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    snapshot: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))


class Source(Base, table=True):
    """Each source of statements: whether it speaks live, and how far it has been heard."""

    __tablename__ = "source"

    name: str = Field(primary_key=True)
    is_live: bool
    newest_at: datetime = _instant(nullable=False)
    last_recorded_at: datetime = _instant(nullable=False)
    as_of: datetime | None = _instant()


class SourceCount(Base, table=True):
    """What each source said, by local day of recording: accepted by unit, duplicate, out of order, rejected by field."""

    __tablename__ = "source_count"

    source: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    what: str = Field(primary_key=True)
    detail: str = Field(primary_key=True)
    count: int = Field(sa_column=Column(BigInteger, nullable=False))


class SourceWatch(Base, table=True):
    """What was already said about each source: its last daily card, and since when it is silent."""

    __tablename__ = "source_watch"

    name: str = Field(primary_key=True)
    told_until: date | None = None
    silent_since: datetime | None = _instant()


class DossierClock(Base, table=True):
    """The clocks of each dossier, derived from its snapshot and one edition of the rules; may be computed anew at will."""

    __tablename__ = "dossier_clock"
    __table_args__ = (
        Index("ix_dossier_clock_open", "book", postgresql_where=text("is_open")),
        Index("ix_dossier_clock_differs", "unit", "code", postgresql_where=text("differs")),
    )

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int
    book: str
    is_open: bool
    differs: bool
    computed_at: datetime = _instant(nullable=False)
    reason: str
    clocks: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class DossierClockChange(Base, table=True):
    """Clocks that moved because the rules did: when, why, and both readings; append-only."""

    __tablename__ = "dossier_clock_change"
    __table_args__ = (Index("ix_dossier_clock_change_unit_code", "unit", "code"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    unit: str
    code: str
    computed_at: datetime = _instant(nullable=False)
    reason: str
    before: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    after: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ClockBook(Base, table=True):
    """Each edition of calendar, procedures and counting that clocks were computed from, to say what changed."""

    __tablename__ = "clock_book"

    fingerprint: str = Field(primary_key=True)
    first_used_at: datetime = _instant(nullable=False)
    content: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ApologyAction(Base, table=True):
    """What was done about a broken promise, by the sweep or a person; append-only, each step but the draft once."""

    __tablename__ = "apology_action"
    __table_args__ = (
        Index("ix_apology_action_unit_code", "unit", "code"),
        Index(
            "uq_apology_action_step",
            "unit",
            "code",
            "due_at",
            "step",
            unique=True,
            postgresql_where=text("step <> 'drafted'"),
        ),
        Index("ix_apology_action_issued", "id", postgresql_where=text("step = 'issued'")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    unit: str
    code: str
    due_at: datetime = _instant(nullable=False)
    step: str
    statement_ids: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    action: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class ApologyRow(Base, table=True):
    """How each apology stands: derived from the journal and the actions, may be computed anew at will."""

    __tablename__ = "apology"
    __table_args__ = (
        Index("ix_apology_unit_due_at_code", "unit", "due_at", "code"),
        Index(
            "ix_apology_open", "unit", "standing", postgresql_where=text("standing NOT IN ('published', 'withdrawn')")
        ),
    )

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    due_at: datetime = Field(sa_column=Column(TIMESTAMP(timezone=True), primary_key=True))
    standing: str
    since: datetime = _instant(nullable=False)
    field: str | None
    agency: str | None
    number: str | None
    new_due_at: datetime | None = _instant()
    reached: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Applicant(Base, table=True):
    """The sealed name of a dossier's applicant, where the installation keeps them; NULL is one forgotten for good."""

    __tablename__ = "applicant"

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class Petition(Base, table=True):
    """The folded state of each petition: when its running deadlines end, and for which of them it was called overdue."""

    __tablename__ = "petition"
    __table_args__ = (
        Index(
            "ix_petition_running",
            "source",
            postgresql_where=text("transfer_due_at IS NOT NULL OR answer_due_at IS NOT NULL"),
        ),
    )

    unit: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    revision: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    source: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    transfer_due_at: datetime | None = _instant()
    answer_due_at: datetime | None = _instant()
    transfer_said_for: datetime | None = _instant()
    answer_said_for: datetime | None = _instant()
    correlation: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    snapshot: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))


outbox = outbox_table(metadata)
