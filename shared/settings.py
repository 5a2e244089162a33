"""Settings that every service reads identically from the environment (`MOTCUA_…`), from secret files, or is handed by `motcua up`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

RULES = Path(__file__).resolve().parent.parent / "deploy" / "rules"


class ServiceSettings(BaseSettings):
    """Where a service finds its parts; every field is a variable `MOTCUA_<NAME>`.

    With `MOTCUA_SECRETS` set, each may also be a file `motcua_<name>` in that folder, whose content no process list,
    log or `docker inspect` shows.
    """

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", extra="ignore")

    def __init__(self, **values: Any) -> None:
        super().__init__(_secrets_dir=os.environ.get("MOTCUA_SECRETS"), **values)

    nats_url: str = Field(default="nats://127.0.0.1:4222", description="bus, with the service's own user and password")
    bus_ca: Path | None = Field(default=None, description="authority that signed the bus's certificate; asks for TLS")
    database_url: str = Field(
        default="postgresql://127.0.0.1:5432/motcua", description="database, with the service's own role"
    )
    board_database_url: str | None = Field(
        default=None, description="database, with the role that reads the boards' views; without it there is no board"
    )
    rules: Path = Field(default=RULES, description="folder of plans, forms, calendars and alert rules")
    tokens: Path | None = Field(default=None, description="JSON file of HTTP tokens, hashed; without it no door opens")
    out: Path = Field(default=Path("var/out"), description="folder for documents and alerts delivered as files")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="HTTP port")
    log_level: str = Field(default="INFO", description="least severe log level that is written")
    log_console: bool | None = Field(default=None, description="readable logs; by default only on a terminal")
    traces: str = Field(
        default="", description="address that takes traces by OTLP over HTTP; without it there are none"
    )
    traces_share: float = Field(default=1.0, ge=0, le=1, description="share of what begins here that is traced")
    deliveries: Path | None = Field(default=None, description="YAML file of receivers: role to apprise addresses")
    replicas: int = Field(default=1, ge=1, le=5, description="copies of every stream (3 in a cluster)")
    clock_off_minutes: float = Field(default=5, gt=0, description="minutes that clocks may differ before it is said")
    signing_key: Path | None = Field(default=None, description="PEM file of the Ed25519 key that signs closed reports")
