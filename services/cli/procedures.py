"""`motcua procedures`: look through a sheet of published procedures, and turn it into a file of the catalogue."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from ruamel.yaml import YAML

from services.cli.client import CommandFailed
from shared.clock import SystemClock
from shared.localtime import local_date
from shared.procedure_sheet import Checked, UnreadableSheet, check_sheet, rules_of
from shared.procedures import ProcedureFile
from shared.rules import load

app = typer.Typer(no_args_is_help=True, help="The catalogue of procedures: check and import a published sheet.")
REJECTED = 3


@app.command()
def check(file: Path, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Name every trap of a sheet with its line; exit 3 when rows would be left out, 2 when it cannot be read."""
    checked = _checked(file)
    if as_json:
        traps = [{"line": one.line, "column": one.column, "trap": one.code, "text": one.text} for one in checked.traps]
        print(json.dumps({"rows": checked.read, "taken": len(checked.rows), "traps": traps}, ensure_ascii=False))
    else:
        _print(file, checked)
    if len(checked.rows) < checked.read:
        raise typer.Exit(REJECTED)


@app.command("import")
def import_sheet(
    file: Path,
    out: Annotated[Path, typer.Option(help="file of procedures/ to write")],
    valid_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="first day on which the rows hold (today)")
    ] = None,
    source: Annotated[str, typer.Option(help="where the sheet comes from, for the file's head")] = "",
) -> None:
    """Write the rows that can be trusted as a file of the catalogue; exit 3 when rows were left out."""
    checked = _checked(file)
    begin = valid_from.date() if valid_from else local_date(SystemClock().now())
    if out.exists():
        raise CommandFailed(f"{out} exists (name another file; nothing is overwritten)", code=2)
    yaml = YAML()
    yaml.width = 4096
    yaml.representer.ignore_aliases = lambda _: True
    try:
        with out.open("w", encoding="utf-8") as written:
            yaml.dump(rules_of(checked, id=out.stem, source=source or file.name, valid_from=begin), written)
    except OSError as error:
        raise CommandFailed(f"{out}: cannot be written: {error.strerror} (check the folder)", code=2) from None
    load(out, ProcedureFile)
    _print(file, checked)
    print(f"{out}: {len(checked.rows)} procedures, valid from {begin}")
    if len(checked.rows) < checked.read:
        raise typer.Exit(REJECTED)


def _checked(file: Path) -> Checked:
    try:
        return check_sheet(file)
    except UnreadableSheet as error:
        raise CommandFailed(str(error), code=2) from None


def _print(file: Path, checked: Checked) -> None:
    for trap in checked.traps:
        print(f"{file}: {trap}")
    for code, number in sorted(Counter(trap.code for trap in checked.traps).items()):
        print(f"{number:6} {code}", file=sys.stderr)
    print(f"{file}: {checked.read} rows, {len(checked.rows)} can be taken over, {len(checked.traps)} traps")
