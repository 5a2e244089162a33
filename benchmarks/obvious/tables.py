"""Tables as a tutorial would draw them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, DateTime
from sqlmodel import Field, SQLModel


class Record(SQLModel, table=True):
    """A statement that was heard."""

    __table_args__ = {"schema": "obvious"}
    source: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    dossier: str = Field(index=True)
    time: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    body: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Dossier(SQLModel, table=True):
    """A dossier as it is now."""

    __table_args__ = {"schema": "obvious"}
    code: str = Field(primary_key=True)
    revision: int = 0
    state: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Fact(SQLModel, table=True):
    """What the reports know of a dossier."""

    __table_args__ = {"schema": "obvious"}
    code: str = Field(primary_key=True)
    revision: int = 0
    field: str | None = None


class Count(SQLModel, table=True):
    """Events of a unit by field and kind."""

    __table_args__ = {"schema": "obvious"}
    unit: str = Field(primary_key=True)
    field: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    n: int = 0


class Target(SQLModel, table=True):
    """Progress of a plan's target."""

    __table_args__ = {"schema": "obvious"}
    unit: str = Field(primary_key=True)
    hit: int = 0
    base: int = 0


class Alert(SQLModel, table=True):
    """An alert that somebody should read."""

    __table_args__ = {"schema": "obvious"}
    id: str = Field(primary_key=True)
    unit: str
    text: str
