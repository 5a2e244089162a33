"""`motcua check`: what the doors would say to a file or to what an address serves; asks no running system."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import typer

from services.cli.centre import mapping_of
from services.cli.client import CommandFailed
from services.cli.dry_run import open_any, try_files
from shared.clock import SystemClock
from shared.settings import RULES
from shared.units import load_units

MAX_BYTES = 64 << 20
PATIENCE = 60.0
"""Seconds for the whole of what an address serves."""


def check(
    target: Annotated[
        str,
        typer.Argument(
            help="a sheet (CSV, XLSX), a record file or a packet of the national portal, or its http(s) address"
        ),
    ],
    unit: Annotated[str | None, typer.Option(help="unit of a sheet or packet that names none")] = None,
    mapping: Annotated[str | None, typer.Option(help="YAML file that explains a sheet's own headings")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Judge every record, row or item as the doors would: its number, field, reason, what to do, and a table of reasons.

    Exit 0 when everything would be taken, 3 when some would not, 2 when it cannot be read at all.
    """
    units = load_units(RULES)
    explained = mapping_of(mapping, units.__contains__)
    open_one = partial(open_any, units=units, now=SystemClock().now(), unit=unit, mapping=explained)
    if not target.startswith(("http://", "https://")):
        raise typer.Exit(try_files([Path(target)], open_one, as_json=as_json))
    with tempfile.TemporaryDirectory(prefix="motcua-check-") as folder:
        path = Path(folder) / "served"
        _fetch(target, path)
        raise typer.Exit(try_files([path], partial(open_one, name=target), as_json=as_json, name_of=lambda _: target))


def _fetch(url: str, path: Path) -> None:
    end, size = time.monotonic() + PATIENCE, 0
    try:
        with httpx.stream("GET", url, timeout=PATIENCE, follow_redirects=True) as answer, path.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > MAX_BYTES:
                    raise CommandFailed(f"{url} serves more than {MAX_BYTES:,} bytes; check a part of it as a file")
                if time.monotonic() > end:
                    raise CommandFailed(f"{url} is not there after {PATIENCE:g} seconds; check it as a file")
                file.write(piece)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandFailed(f"{url} cannot be read: {str(error).partition(chr(10))[0]}") from error
