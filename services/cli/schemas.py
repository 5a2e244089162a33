"""`motcua schemas`: write the contract for machines, or say whether the written one is still what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.client import CommandFailed
from shared.contract import asyncapi, json_schemas

DEFAULT = Path("docs/integrate")


def schemas(
    out: Annotated[Path, typer.Option(help="folder of asyncapi.json; the schemas go to schemas/ below it")] = DEFAULT,
    check: Annotated[bool, typer.Option("--check", help="write nothing; exit 1 when a file differs")] = False,
) -> None:
    """Write JSON Schemas of records, receipts and events, and an AsyncAPI 3.0 document."""
    files = {out / "schemas" / f"{name}.json": schema for name, schema in json_schemas().items()}
    files[out / "asyncapi.json"] = asyncapi()
    stale = [path for path, content in files.items() if not path.exists() or path.read_text("utf-8") != _text(content)]
    if check:
        if stale:
            names = ", ".join(path.as_posix() for path in stale)
            raise CommandFailed(f"not what the code does: {names}; run: motcua schemas --out {out}", code=1)
        print(f"{len(files)} files are current")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(files[path]), "utf-8")
        print(f"{path}: written")


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
