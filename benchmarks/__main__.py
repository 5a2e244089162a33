"""`make bench`: every section at a size that takes some minutes in all, each figure beside its target; exit 1 when one is missed.

Sizes that a target names (ten million dossiers, 200,000 rows) have their own commands: `make help`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import closing, http_door, rebuilding, reports, sheets, whole
from benchmarks.lines import Line, Tell, page, said, show
from shared.loop import run
from shared.observability import configure_logs

Section = Callable[[Tell], Awaitable[list[Line]]]
SECTIONS: dict[str, Section] = {
    "the whole path": partial(whole.measure, seconds=40),
    "the HTTP door, 8,000 records": partial(http_door.measure, count=8_000),
    "a sheet of 10,000 rows": partial(sheets.measure, rows=10_000),
    "figures over the rollup of 300,000 dossiers": partial(reports.measure, dossiers=300_000),
    "closing 114 units, four days": partial(closing.measure, units=114, days=4),
    "a rebuild of 100,000 events": partial(rebuilding.measure, events=100_000),
}
QUICK: dict[str, Section] = {
    "the whole path": partial(whole.measure, count=2_000, plain=150, seconds=5),
    "the HTTP door, 1,000 records": partial(http_door.measure, count=1_000),
    "a sheet of 1,000 rows": partial(sheets.measure, rows=1_000),
    "figures over the rollup of 10,000 dossiers": partial(reports.measure, dossiers=10_000),
    "closing 4 units, three days": partial(closing.measure, units=4, days=3),
    "a rebuild of 5,000 events": partial(rebuilding.measure, events=5_000),
}


async def measure(sections: dict[str, Section]) -> list[Line]:
    """One section after the other; one that fails is named and hides no other."""
    lines = list[Line]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=said, disable=not said.is_terminal) as bar:
        task = bar.add_task("", total=len(sections))
        for name, section in sections.items():
            begin = time.perf_counter()
            bar.update(task, description=name)
            try:
                found = await section(lambda text, name=name: bar.update(task, description=f"{name}: {text}"))  # type: ignore[misc]  # bound now
            except Exception as error:
                found = [Line("failed", str(error)[:200] or type(error).__name__, "", False)]
            lines += [Line(f"— {name}", f"{time.perf_counter() - begin:.0f} s"), *found]
            bar.advance(task)
    return [*lines, Line("load of the machine at the end", f"{os.getloadavg()[0]:.1f}")]


def main(
    quick: Annotated[bool, typer.Option(help="a small run, to see that it works; its figures mean little")] = False,
    markdown: Annotated[Path | None, typer.Option(help="write the page of docs as well")] = None,
) -> None:
    """Measure speed and size against the targets."""
    configure_logs(level="ERROR")
    lines = run(measure(QUICK if quick else SECTIONS))
    show(lines)
    if markdown:
        markdown.write_text(page(lines, "make bench" + (" (quick)" if quick else "")), "utf-8")
    sys.exit(any(one.met is False for one in lines))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
