"""The notification service's tables: alerts with their delivery log, and the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database import NAMING
from shared.outbox import outbox_table

metadata = MetaData(schema="notification", naming_convention=NAMING)


class Base(SQLModel, registry=registry(metadata=metadata)):
    """One registry a service: one process may hold four."""


def _instant(*, nullable: bool = True) -> Any:
    return Field(sa_column=Column(TIMESTAMP(timezone=True), nullable=nullable))


class Alert(Base, table=True):
    """One alert to one role, and how its delivery goes; the key makes it happen once."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
        Index("ix_alert_unit_decided_at", "unit", "decided_at"),
    )

    key: str = Field(primary_key=True)
    unit: str
    rule: str
    role: str
    event: str
    subject: str
    urgency: str
    status: str
    reason: str
    correlation: str
    title: str
    body: str
    happened_at: datetime = _instant(nullable=False)
    decided_at: datetime = _instant(nullable=False)
    attempts: int
    next_attempt_at: datetime | None = _instant()
    delivered_at: datetime | None = _instant()
    taken_by: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")))


outbox = outbox_table(metadata)
