"""`python -m benchmarks.closing`: close a quarter of 114 communes, then build their facts anew, on the running system.

Each unit says what a simulated xã Bình Giang says in the last days of the third quarter, under its own code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from benchmarks.__main__ import commit, machine
from benchmarks.http_door import BATCH, digested, motcua_up, send
from benchmarks.servers import MOTCUA
from shared.events.statements import Statement, encode_statement
from shared.loop import run
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate

CITY, MODEL, PERIOD, LAST = "31", "10966", "2025-Q3", date(2025, 9, 14)
CLOSE_SECONDS, REBUILD_RATE = 60, 10_000


def statements(units: int, days: int) -> Iterator[Statement]:
    """What `units` communes of the city say in the quarter's last `days` days."""
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    told = simulate((MODEL,), 1, LAST - timedelta(days=days - 1), LAST, load_calendar(RULES), scenario)
    model = [one.statement for one in told]
    for unit in load_units(RULES).in_province(CITY)[:units]:
        for one in model:
            source = one.source.replace(MODEL, unit.code)
            yield msgspec.structs.replace(one, unit=unit.code, source=source, id=one.id.replace(MODEL, unit.code))


def bodies(units: int, days: int) -> list[bytes]:
    """The statements in batches for the HTTP door."""
    said = [encode_statement(one) for one in statements(units, days)]
    return [b"[" + b",".join(said[start : start + BATCH]) + b"]" for start in range(0, len(said), BATCH)]


def _motcua(data: Path, *arguments: str) -> tuple[float, Any]:
    """Seconds of a command, and the document that it printed."""
    begin = time.perf_counter()
    done = subprocess.run(
        [str(MOTCUA), *arguments, "--json", "--data", str(data)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"motcua {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - begin, json.loads(done.stdout)


async def measure(units: int, days: int) -> bool:
    """Print the figures; true when both targets are met."""
    said = Console(stderr=True)
    async with motcua_up() as (http, process):
        data = _folder_of(process)
        with said.status(f"{units} communes, {days} days …"):
            await send(http, bodies(units, days))
            await digested(http)
        with said.status("closing …"):
            closing, closed = _motcua(data, "report", "close", "--unit", "all", "--period", PERIOD)
        figures = (await http.get("/v1/reports/figures", params={"unit": "all", "period": PERIOD})).json()
        counted = sum(one["total"]["c3"] for one in figures)
        print(
            f"closing {len(closed)} units with {counted:,} dossiers: {closing:.1f} s (target for 114: < {CLOSE_SECONDS} s)"
        )
        with said.status("building anew …"):
            building, built = _motcua(data, "rebuild", "reporting", "--dry-run")
        rate = built["events"] / building
        print(
            f"building {built['events']:,} events anew and comparing every cell: {building:.1f} s, {rate:,.0f} events/s"
        )
    return closing < CLOSE_SECONDS and rate >= REBUILD_RATE


def _folder_of(process: subprocess.Popen[str]) -> Path:
    arguments = [str(one) for one in process.args] if isinstance(process.args, list) else []
    return Path(arguments[arguments.index("--data") + 1])


def main(
    units: Annotated[int, typer.Option(min=1, max=114, help="communes")] = 114,
    days: Annotated[int, typer.Option(min=1, max=76, help="last days of the quarter that they say")] = 20,
) -> None:
    """Measure closing and rebuilding of a city."""
    print(
        f"measured {date.today().isoformat()} by `python -m benchmarks.closing --units {units} --days {days}` at commit `{commit()}` on {machine()}"
    )
    met = run(measure(units, days))
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")
    sys.exit(not met)


if __name__ == "__main__":
    typer.run(main)
