"""`motcua up`: everything in the foreground until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import DEFAULT_DATA, CommandFailed, Data, said
from services.embedded import DataFolder, DataFolderInUse, NotRunning
from services.embedded.folder import is_free
from shared.database import OtherVersion
from shared.loop import run
from shared.observability import configure_logs
from shared.settings import RULES


def up(
    data: Data = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="HTTP port; 0 takes any free one")] = 8080,
    rules: Annotated[Path, typer.Option(envvar="MOTCUA_RULES", help="folder of rule files")] = RULES,
    log_level: Annotated[str, typer.Option(envvar="MOTCUA_LOG_LEVEL")] = "WARNING",
) -> None:
    """Run embedded NATS, PostgreSQL and all four services until SIGINT or SIGTERM."""
    configure_logs(level=log_level)
    _refuse_early(data, port)
    code = run(_run(data, port, rules))
    if code:
        raise CommandFailed(code, code=1)


def _refuse_early(data: Path, port: int) -> None:
    """Say at once what would otherwise be found out after a database was made; the servers judge again."""
    folder = DataFolder(data)
    with contextlib.suppress(NotRunning):
        raise DataFolderInUse(folder.path, folder.read_runtime()["pid"])
    if port and not is_free(port):
        raise CommandFailed(f"cannot listen on 127.0.0.1:{port}: it is in use; choose another --port")


async def _run(data: Path, port: int, rules: Path) -> str | None:
    from services.system import start_system  # the services' imports cost a second that other commands need not pay

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    try:
        async with start_system(data, port=port, rules=rules) as system:
            _where(system.url, data, system.servers.nats_url, system.servers.nats_monitor_url)
            print(f"ready {system.url}", flush=True)
            stopping, ended = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(system.ended())
            done, pending = await asyncio.wait({stopping, ended}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            return None if stopping in done else ended.result()
    except (OSError, OtherVersion) as error:
        raise CommandFailed(str(error)) from error


def _where(url: str, data: Path, nats_url: str, monitor_url: str) -> None:
    said.print(f"Một Cửa is up (pid {os.getpid()}), data in {data.resolve()}")
    for name, place in (
        ("board", f"{url}/   (enter with the HTTP token below)"),
        ("records", f"POST {url}/v1/records"),
        ("figures", f"{url}/v1/reports/figures?unit=10966&period=2025-Q4"),
        ("plans", f"{url}/v1/plans/10966"),
        ("health", f"{url}/healthz   {url}/readyz"),
        ("metrics", f"{url}/metrics"),
        ("contracts", f"{url}/openapi.json   {url}/asyncapi.json   {url}/docs"),
        ("bus", f"{nats_url}   (figures: {monitor_url})"),
        ("secrets", f"{data}/secrets/ (HTTP token: http-operator)"),
        ("alerts", f"{data}/out/alerts/"),
    ):
        said.print(f"  {name:<10}{place}", highlight=False)
