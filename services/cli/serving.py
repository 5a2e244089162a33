"""`motcua serve` and `motcua provision`: one service a process, on a bus and a database that run elsewhere."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import nats.errors
import typer
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.cli.client import CommandFailed, said
from shared import topology
from shared.loop import run
from shared.observability import configure_logs
from shared.settings import RULES

if TYPE_CHECKING:
    from services.backup import Installation
    from shared.settings import ServiceSettings


FOLLOWERS, FOLLOWER_NICENESS = frozenset(topology.SERVICES) - {"dossier"}, 10
"""A centre waits for its receipts, nobody waits for the others' share of the same second: on a busy machine they catch
up afterwards. In containers `cpu_shares` does it, for niceness counts only inside one."""

REFUSALS = (OSError, ValueError, asyncpg.PostgresError, nats.errors.Error)
"""What servers, files and ports answer when something is wrong outside: said in one line, without a trace."""


def why(error: Exception) -> str:
    """What is wrong and what to do about it, in one line; no password is in it."""
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, asyncpg.InvalidPasswordError | asyncpg.InvalidAuthorizationSpecificationError):
        return f"PostgreSQL refuses the login ({said}); make the secrets again, then run motcua provision"
    if "authorization violation" in said.lower():
        return (
            "the bus refuses the login; make the secrets again and restart the bus, so that both know the same password"
        )
    if isinstance(error, nats.errors.TimeoutError):
        return "the bus does not answer for its streams and durables; run motcua provision first"
    return said


class Provisioning(BaseSettings):
    """What the one-shot job needs; every field is a variable `MOTCUA_<NAME>`, or a file as for a service."""

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", extra="ignore")

    def __init__(self, **values: Any) -> None:
        super().__init__(_secrets_dir=os.environ.get("MOTCUA_SECRETS"), **values)

    admin_database_url: str = Field(description="database server, as a role that may create roles and databases")
    operator_nats_url: str = Field(description="bus, with the operator's account")
    bus_ca: Path | None = Field(default=None, description="authority that signed the bus's certificate; asks for TLS")
    passwords: Path = Field(description="folder of files `postgres-<service>`, each holding a role's password")
    replicas: int = Field(default=1, ge=1, le=5, description="copies of every stream (3 in a cluster)")
    rules: Path = Field(default=RULES, description="folder of rule files; alert rules decide which events travel")


def _asked(verb: str) -> tuple[Provisioning, dict[str, str]]:
    """What the environment says to the operator's commands, and the roles' passwords."""
    try:
        wanted = Provisioning()  # filled from the environment
        return wanted, {
            name: (wanted.passwords / f"postgres-{name}").read_text("utf-8").strip() for name in topology.SERVICES
        }
    except ValidationError as error:
        missing = ", ".join(f"MOTCUA_{str(one['loc'][0]).upper()} ({one['msg']})" for one in error.errors())
        raise CommandFailed(f"cannot {verb}: {missing}") from error
    except OSError as error:
        raise CommandFailed(
            f"cannot read the password file {error.filename}: {error.strerror}; make it with: motcua secrets"
        ) from error


def installed(verb: str) -> Installation:
    """The installation that the operator's environment names; `CommandFailed` says what is missing."""
    from services.backup import Installation

    wanted, passwords = _asked(verb)
    return Installation(
        admin_url=wanted.admin_database_url,
        bus_url=wanted.operator_nats_url,
        passwords=passwords,
        rules=wanted.rules,
        ca=wanted.bus_ca,
        replicas=wanted.replicas,
    )


def provision() -> None:
    """Create or update roles, schemas, tables, streams and durables, then end; safe to run again."""
    from services import provisioning  # alembic and asyncpg cost half a second that other commands need not pay
    from services.board_views import provision_boards

    wanted, passwords = _asked("provision")
    urls = {
        name: provisioning.database_url(wanted.admin_database_url, user=name, password=password)
        for name, password in passwords.items()
    }

    async def work() -> None:
        await provisioning.provision_database(wanted.admin_database_url, passwords)
        await provisioning.migrate_all(urls)
        if (monitoring := wanted.passwords / "postgres-monitoring").exists():
            await provisioning.provision_monitoring(wanted.admin_database_url, monitoring.read_text("utf-8").strip())
        if (board := wanted.passwords / "postgres-board").exists():
            await provision_boards(wanted.admin_database_url, board.read_text("utf-8").strip(), wanted.rules)
        await provisioning.provision_bus(
            wanted.operator_nats_url, wanted.rules, replicas=wanted.replicas, ca=wanted.bus_ca
        )

    try:
        asyncio.run(work())
    except REFUSALS as error:
        raise CommandFailed(f"cannot provision: {why(error)}", code=1) from error
    said.print("provisioned: roles, schemas, tables, streams and durables")


def serve(name: Annotated[str, typer.Argument(help="dossier, inspection, reporting or notification")]) -> None:
    """Run one service on the bus and database of `MOTCUA_NATS_URL` and `MOTCUA_DATABASE_URL` until SIGINT or SIGTERM."""
    from shared.settings import ServiceSettings

    if name not in topology.SERVICES:
        raise CommandFailed(f"there is no service {name!r}; choose one of {', '.join(topology.SERVICES)}")
    try:
        settings = ServiceSettings()
    except ValidationError as error:
        wrong = ", ".join(f"MOTCUA_{str(one['loc'][0]).upper()} ({one['msg']})" for one in error.errors())
        raise CommandFailed(f"{name} cannot start: {wrong}") from error
    if missing := {"nats_url", "database_url"} - settings.model_fields_set:
        names = " and ".join(f"MOTCUA_{one.upper()}" for one in sorted(missing))
        where = os.environ.get("MOTCUA_SECRETS")
        files = f", or the files {' and '.join(f'motcua_{one}' for one in sorted(missing))} in {where}" if where else ""
        raise CommandFailed(f"{name} cannot start: set {names}{files}")
    configure_logs(level=settings.log_level)
    if name in FOLLOWERS:
        os.nice(FOLLOWER_NICENESS)
    try:
        reason = run(_serve(name, settings))
    except REFUSALS as error:
        raise CommandFailed(f"{name} cannot start: {why(error)}", code=1) from error
    if reason:
        raise CommandFailed(reason, code=1)


async def _serve(name: str, settings: ServiceSettings) -> str | None:
    """Returns why it ended unasked, or `None`; a signal ends it even while it still waits for the bus or the database."""
    end: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def over(reason: str | None) -> None:
        if not end.done():
            end.set_result(reason)

    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, over, None)
    ready = asyncio.Event()
    life = asyncio.create_task(_live(name, settings, over, end, ready))
    await asyncio.wait(list[asyncio.Future[Any]]([life, end]), return_when=asyncio.FIRST_COMPLETED)
    if not ready.is_set() and not life.done():
        life.cancel()
        await asyncio.wait({life})
        return None
    await life
    return end.result()


async def _live(
    name: str,
    settings: ServiceSettings,
    over: Callable[[str | None], None],
    end: asyncio.Future[str | None],
    ready: asyncio.Event,
) -> None:
    from services.system import BUILDERS, asyncapi
    from shared.database import refuse_other
    from shared.http import HttpServer, make_app
    from shared.parties import Tokens
    from shared.runtime import Environment, running
    from shared.tracing import tracing_of

    tokens = Tokens.load(settings.tokens) if settings.tokens else Tokens()
    tracing = tracing_of(settings, f"motcua-{name}")
    environment = Environment(settings=settings, tokens=tokens, on_fatal=over, tracing=tracing)
    await refuse_other(name, settings.database_url)
    service = BUILDERS[name](environment)
    app = make_app([service], environment.registry, lambda: asyncapi([service]), tracing)
    async with running([service]):
        door = HttpServer(app, host=settings.host, port=settings.port)
        await door.start()
        ready.set()
        print(f"ready {name} http://{settings.host}:{door.port}", flush=True)
        try:
            await end
        finally:
            await door.stop()
