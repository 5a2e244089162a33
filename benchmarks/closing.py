"""`python -m benchmarks.closing`: close a quarter of 114 communes on the running system.

Each unit says what a simulated xã Bình Giang says in the last days of the third quarter, under its own code.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from benchmarks.http_door import BATCH, digested, motcua_up, send
from benchmarks.lines import Line, Tell, below, measure_alone
from benchmarks.servers import MOTCUA
from shared.events.statements import Statement, encode_statement
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate

CITY, MODEL, PERIOD, LAST = "31", "10966", "2025-Q3", date(2025, 9, 14)
CLOSE_SECONDS, DAYS = 60, 6


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


async def measure(tell: Tell, *, units: int = 114, days: int = DAYS) -> list[Line]:
    """How long `motcua report close --unit all` takes, everything running; the target is for 114 units."""
    tell("the servers start")
    async with motcua_up() as (http, process):
        data = _folder_of(process)
        tell(f"{units} communes say what happened in {days} days")
        await send(http, bodies(units, days))
        tell("the services digest it")
        await digested(http)
        tell("reports are closed")
        closing, closed = _motcua(data, "report", "close", "--unit", "all", "--period", PERIOD)
        figures = (await http.get("/v1/reports/figures", params={"unit": "all", "period": PERIOD})).json()
    counted = sum(one["total"]["c3"] for one in figures)
    if len(closed) != units:
        raise RuntimeError(
            f"{len(closed)} of {units} reports were closed: the quarter's last days are a weekend, say more"
        )
    what = f"closing {len(closed)} units, {counted:,} dossiers, all documents rendered and signed"
    return [below(what, closing, CLOSE_SECONDS, "s")]


def _folder_of(process: subprocess.Popen[str]) -> Path:
    arguments = [str(one) for one in process.args] if isinstance(process.args, list) else []
    return Path(arguments[arguments.index("--data") + 1])


def main(
    units: Annotated[int, typer.Option(min=1, max=114, help="communes")] = 114,
    days: Annotated[int, typer.Option(min=1, max=76, help="last days of the quarter that they say")] = DAYS,
) -> None:
    """Measure closing a city's quarter."""
    command = f"python -m benchmarks.closing --units {units} --days {days}"
    measure_alone(command, lambda tell: measure(tell, units=units, days=days))


if __name__ == "__main__":
    typer.run(main)
