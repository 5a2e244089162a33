"""`motcua boards`: Grafana's dashboards from the catalogue, and whether the catalogue and the files fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.client import CommandFailed, said
from shared.settings import RULES

app = typer.Typer(no_args_is_help=True, help="Boards: render Grafana's dashboards, check the catalogue.")
Rules = Annotated[Path, typer.Option(envvar="MOTCUA_RULES", help="folder of rule files")]
Out = Annotated[Path, typer.Option(help="folder of Grafana's dashboards")]
OUT = RULES.parent / "grafana" / "dashboards"


@app.command()
def render(rules: Rules = RULES, out: Out = OUT) -> None:
    """Write the dashboards; a file of a board that is no more is removed."""
    wanted = _wanted(rules)
    out.mkdir(parents=True, exist_ok=True)
    for path in out.glob("motcua-*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (out / name).write_text(text, "utf-8")
    said.print(f"{len(wanted)} dashboards in {out}", highlight=False)


@app.command()
def check(rules: Rules = RULES, out: Out = OUT) -> None:
    """Say whether the catalogue is right and the dashboards are what it says; exit 2 when not."""
    wanted = _wanted(rules)
    there = {path.name: path.read_text("utf-8") for path in sorted(out.glob("motcua-*.json"))}
    stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if stale:
        raise CommandFailed(f"not as the catalogue says: {', '.join(stale)} in {out}; run motcua boards render")
    panels = sum(text.count('"gridPos"') for text in wanted.values())
    said.print(f"{len(wanted)} dashboards with {panels} panels and rows are as the catalogue says", highlight=False)


def _wanted(rules: Path) -> dict[str, str]:
    from shared.boards import load_catalogue
    from shared.boards.grafana import render_dashboards

    return render_dashboards(rules, load_catalogue(rules))
