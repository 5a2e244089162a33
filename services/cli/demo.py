"""`motcua demo`: half a year of two communes at a simulated clock, through the real system, then what leaders would see."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import nats
import typer
from nats.aio.client import Client as Bus
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.cli.client import Client, CommandFailed, results, said
from services.cli.obligations import table_of as calendar_table
from services.cli.plans import steps_of as steps_table
from services.cli.plans import table_of as plan_table
from services.cli.reports import export_all
from services.cli.reports import table_of as figures_table
from shared.bus import publish_atomically
from shared.clock import SimulatedClock
from shared.events.records import Record, encode_record
from shared.localtime import LOCAL, local_date
from shared.loop import run
from shared.observability import configure_logs
from shared.settings import RULES
from shared.topology import BATCH, centre_account, onestop_subject
from shared.units import load_units
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import Said, simulate_all

if TYPE_CHECKING:
    from services.system import System

UNITS = ("10510", "10966")
BEGIN, END = date(2025, 7, 1), date(2025, 12, 31)
DAYS = (END - BEGIN).days + 1
CLOSINGS = {date(2025, 9, 15): "2025-Q3", date(2025, 12, 15): "2025-Q4"}
"""Quarters close on the 14th; the demo closes them on the next day, when the departments' reports are due."""
LATE_REPORT = ("10966", "kinh-te", "2025-Q3")
"""The one department's report that comes two days after it was due."""
MORNING, EVENING = time(7, 0), time(20, 0)
MARKER = "this-is-a-demo.txt"


def demo(
    data: Annotated[Path, typer.Option("--data", help="folder of the demo; an earlier demo there is replaced")] = Path(
        "var/demo"
    ),
    seed: Annotated[int, typer.Option(help="the same seed gives the same half year")] = 1,
    days: Annotated[int, typer.Option(hidden=True, min=1, help="play only so many days, for a quick look")] = DAYS,
) -> None:
    """Play 1 July – 31 December 2025 for phường Thành Đông and xã Bình Giang, close the quarters, print what came out."""
    configure_logs(level=os.environ.get("MOTCUA_LOG_LEVEL", "ERROR"))
    for name in ("SWEEP", "MEASURE", "DELIVER", "OBLIGATIONS"):  # a simulated day lasts half a second
        os.environ.setdefault(f"MOTCUA_{name}_SECONDS", "0.05")
    _clear(data)
    run(_play(data, seed, BEGIN + timedelta(days=min(days, DAYS) - 1)))


def _clear(data: Path) -> None:
    if not data.exists() or not any(data.iterdir()):
        data.mkdir(parents=True, exist_ok=True)
    elif not (data / MARKER).exists():
        raise CommandFailed(f"{data} holds something that is not a demo; choose an empty folder with --data")
    else:
        pointer = data / "postgres" / "location.txt"
        if pointer.exists():
            shutil.rmtree(Path(pointer.read_text("utf-8").strip().splitlines()[-1]), ignore_errors=True)
        shutil.rmtree(data)
        data.mkdir(parents=True)
    (data / MARKER).write_text("A demo of Một Cửa; `motcua demo` replaces it without asking.\n", "utf-8")


async def _play(data: Path, seed: int, end: date) -> None:
    from services.system import start_system

    clock = SimulatedClock(datetime.combine(BEGIN, time(7, 0), LOCAL))
    async with start_system(data, clock=clock) as system:
        buses = {unit: await _as_centre(system, unit) for unit in UNITS}
        await Demo(system, clock, buses, data, end).run(seed)
        for bus in buses.values():
            await bus.close()


async def _as_centre(system: System, unit: str) -> Bus:
    """A connection with the account of one unit's centre, which may speak for no other."""
    account = centre_account(unit)
    return await nats.connect(system.servers.nats.url_of(account.name), inbox_prefix=account.inbox)


@dataclass
class Demo:
    """One run of the demo on a running system."""

    system: System
    clock: SimulatedClock
    buses: dict[str, Bus]
    data: Path
    end: date = END
    said: int = 0

    async def run(self, seed: int) -> None:
        """Play day by day, close the quarters on their day, then show and write what came out."""
        days = (self.end - BEGIN).days + 1
        columns = (TextColumn("{task.description}"), BarColumn(40), TextColumn("{task.completed}/{task.total} days"))
        with Progress(*columns, TimeElapsedColumn(), console=said) as progress:
            bar = progress.add_task("01/07/2025", total=days)
            for day, statements in _by_day(
                simulate_all(UNITS, seed, BEGIN, self.end, load_calendar(RULES), load_scenario(_SCENARIO)), self.end
            ):
                await self._live(day, statements)
                progress.update(bar, advance=1, description=f"{day:%d/%m/%Y}  {self.said:,} statements")
        await asyncio.to_thread(self._show)

    async def _live(self, day: date, statements: Sequence[Said[Record]]) -> None:
        self.clock.advance(datetime.combine(day, MORNING, LOCAL))
        await self._digested()  # the day's promises are judged before the day speaks, as in an office
        self.clock.advance(datetime.combine(day, EVENING, LOCAL))
        for unit, bus in self.buses.items():
            own = [one.statement for one in statements if one.statement.unit == unit]
            for start in range(0, len(own), BATCH):
                messages: list[tuple[str, bytes, dict[str, str]]] = [
                    (onestop_subject(one.unit, one.kind), encode_record(one), {}) for one in own[start : start + BATCH]
                ]
                await publish_atomically(bus, messages)
        self.said += len(statements)
        await self._digested()
        client = Client(self.system.url, self.system.token)
        await asyncio.to_thread(self._departments_report, client, day)
        if day in CLOSINGS:
            for unit in UNITS:
                body = {"unit": unit, "period": CLOSINGS[day]}
                await asyncio.to_thread(client.post, "/v1/reports/close", body)
            await self._digested()  # published on the day on which they are closed

    def _departments_report(self, client: Client, day: date) -> None:
        """On the closing day the departments hand in what is due, and the centre checks it; one comes two days late."""
        closed_on = day if day in CLOSINGS else day - timedelta(days=2)
        if closed_on not in CLOSINGS:
            return
        for one in client.get("/v1/reports/calendar", unit=list(UNITS), **{"from": closed_on, "to": closed_on}):
            is_late = (one["unit"], one["owed_by"], one["period"]) == LATE_REPORT
            if one["owed_by_kind"] == "department" and one["state"] == "opened" and is_late == (day not in CLOSINGS):
                named = {"unit": one["unit"], "from": one["owed_by"], "period": one["period"]}
                client.post("/v1/reports/owed/hand-in", named)
                client.post("/v1/reports/owed/check", named)

    async def _digested(self) -> None:
        """Wait until nothing waits anywhere, twice in a row: an event may be between two services at the first look."""
        calm = 0
        while calm < 2:
            counts = [count for service in self.system.services for count in (await service.waiting()).values()]
            calm = 0 if any(counts) else calm + 1
            await asyncio.sleep(0.03)  # the looks cost the same two cores as the work

    def _show(self) -> None:
        client, out = Client(self.system.url, self.system.token), results()
        client.wait_until_digested()
        names = {unit: load_units(RULES).get(unit).name for unit in UNITS}
        for report in client.get("/v1/reports", unit=list(UNITS)):
            out.print(figures_table(report["figures"]))
            wanted = {
                "unit": report["unit"],
                "form": report["form"],
                "period": report["period"],
                "version": str(report["version"]),
            }
            export_all(client, self.data / "out" / "reports", **wanted)
        for unit in UNITS:
            found = client.get(f"/v1/plans/{unit}")
            for table in (*map(plan_table, found["plans"]), *map(steps_table, found["inspections"])):
                out.print(table)
        for unit in UNITS:
            owed = client.get(
                "/v1/reports/calendar", unit=[unit], **{"from": BEGIN, "to": self.end + timedelta(days=90)}
            )
            out.print(calendar_table(unit, owed))
        _show_overdue(out, client.get("/v1/reports/overdue", unit=list(UNITS), on=self.end.isoformat(), limit=5), names)
        _show_alerts(out, client.get("/v1/alerts", unit=list(UNITS), limit=10_000), self.data / "out" / "alerts")
        out.print(f"\n{self.said:,} statements played. Files in {self.data / 'out'}:")
        for path in sorted(one for one in (self.data / "out").rglob("*") if one.is_file()):
            out.print(f"  {path}  ({path.stat().st_size:,} bytes)", highlight=False)


_SCENARIO = RULES / "simulation" / "haiphong-2025.yaml"


def _by_day(told: Iterator[Said[Record]], end: date) -> Iterator[tuple[date, list[Said[Record]]]]:
    """Every day of the half year with what was said on it; a day without a word is still a day."""
    day = BEGIN
    for said_on, group in groupby(told, key=lambda one: local_date(one.said_at)):
        while day < said_on:
            yield day, []
            day += timedelta(days=1)
        yield day, list(group)
        day += timedelta(days=1)
    while day <= end:
        yield day, []
        day += timedelta(days=1)


def _show_overdue(out: Console, rows: Sequence[dict[str, Any]], names: dict[str, str]) -> None:
    table = Table(
        "Mã hồ sơ",
        "Đơn vị",
        "Lĩnh vực",
        "Hẹn trả",
        "Quá (ngày)",
        title="Năm hồ sơ quá hạn lâu nhất",
        title_justify="left",
    )
    for row in rows:
        table.add_row(row["code"], names[row["unit"]], row["field"], row["due_on"], str(row["days"]))
    out.print(table)


def _show_alerts(out: Console, alerts: Sequence[dict[str, Any]], folder: Path) -> None:
    """Alerts by what became of them, and the messages that carried them: a digest carries a day of them."""
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    messages = Counter(json.loads(line)["rule"] for line in lines)
    counted = Counter((one["rule"], one["status"]) for one in alerts)
    table = Table("Quy tắc", title="Cảnh báo", title_justify="left")
    for heading in ("Đã gửi", "trong số tin", "Chờ gửi", "Không gửi (đã cũ)"):
        table.add_column(heading, justify="right")
    for rule in sorted({rule for rule, _ in counted}):
        sent, waiting, silent = (str(counted[rule, status]) for status in ("sent", "pending", "suppressed"))
        table.add_row(rule, sent, str(messages[rule]), waiting, silent)
    out.print(table)
