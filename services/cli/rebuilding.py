"""`motcua rebuild`: a service's facts anew from the bus, compared with the live ones before they take their place."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.backups import running_installation
from services.cli.client import DEFAULT_DATA, CommandFailed, Data, results, said
from services.cli.serving import REFUSALS, why
from shared.settings import RULES

if TYPE_CHECKING:
    from services.rebuilding import Outcome, Tell

SHOWN = 50
DIFFERENT = 3


def rebuild(
    service: Annotated[str, typer.Argument(help="reporting")],
    dry_run: Annotated[bool, typer.Option(help="compare only; replace nothing")] = False,
    force: Annotated[bool, typer.Option("--force", "--promote-anyway", help="replace although they differ")] = False,
    reason: Annotated[str, typer.Option(help="why; goes with --force and is kept")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    rules: Annotated[Path, typer.Option(envvar="MOTCUA_RULES", help="folder of rule files")] = RULES,
    data: Data = DEFAULT_DATA,
) -> None:
    """Build facts and sums anew from stream DOSSIER, compare, and replace the live ones when equal; exit 3 when not."""
    if force and (dry_run or not reason.strip()):
        raise CommandFailed("--force replaces figures that differ: say --reason '…' with it, and not --dry-run")
    if reason.strip() and not force:
        raise CommandFailed("a reason goes with --force; equal tables are replaced without one")
    done = _rebuild(service, rules, data, dry_run=dry_run, reason=reason.strip() or None)
    if as_json:
        print(json.dumps(dataclasses.asdict(done), ensure_ascii=False, indent=1))
    else:
        _show(done, dry_run=dry_run)
    if done.compared.count and not done.promoted:
        raise typer.Exit(DIFFERENT)


def _rebuild(service: str, rules: Path, data: Path, *, dry_run: bool, reason: str | None) -> Outcome:
    from services.rebuilding import RebuildRefused, rebuild  # asyncpg and alembic cost half a second

    async def work() -> Outcome:
        async with running_installation(data, rules) as installation:
            with _progress() as tell:
                return await rebuild(installation, service, dry_run=dry_run, reason=reason, tell=tell)

    try:
        return asyncio.run(work())
    except RebuildRefused as error:
        raise CommandFailed(str(error)) from error
    except REFUSALS as error:
        raise CommandFailed(f"{why(error)}; the live tables are as they were", code=1) from error


def _show(done: Outcome, *, dry_run: bool) -> None:
    unread = f", {done.unreadable:,} of them not to be read (see motcua deadletter list)" if done.unreadable else ""
    print(f"read {done.events:,} events of {done.source}{unread}: {done.dossiers:,} dossiers and petitions")
    compared = done.compared
    if compared.count:
        table = Table("unit", "field", "cell", "live", "rebuilt", title=f"{compared.count:,} differences")
        for one in compared.shown[:SHOWN]:
            table.add_row(one.unit, one.field, one.cell, one.live, one.rebuilt)
        results().print(table)
        if compared.count > SHOWN:
            print(f"… and {compared.count - SHOWN:,} more; --json names up to 1,000 of each kind")
    else:
        print(
            "equal: every cell of every quarter, every row of the rollup, every revision, every span and every history"
        )
    if done.promoted:
        print("the rebuilt tables are the live ones now")
    elif dry_run:
        print("compared only: the live tables are as they were")
    else:
        print("not replaced: find out why they differ, then say --force --reason '…'")


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=said, transient=True, disable=not said.is_terminal) as bar:
        task = bar.add_task("reading", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell
