"""`motcua sources`: how good each source's stream is, today or day by day."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, Data, results
from shared.clock import SystemClock
from shared.localtime import LOCAL, local_date

COUNTS = ("accepted", "duplicate", "rejected", "out_of_order")
CARD = (
    *COUNTS, "delay_p50", "delay_p95", "missing_facts", "reopened", "backward", "code_date_differs", "id_gaps",
    "code_gaps", "longest_silence",
)  # fmt: skip


def sources(
    name: Annotated[str | None, typer.Argument(help="a source, for its scorecard by day")] = None,
    days: Annotated[int, typer.Option(min=1, max=93, help="days of the scorecard, until --to")] = 7,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day of the scorecard (today)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print every source with what it said today; with a NAME its scorecard by day."""
    client = Client.find(data)
    if name is None:
        found = client.get("/v1/sources")
    else:
        last = end.date() if end else local_date(SystemClock().now())
        window = {"from": str(last - timedelta(days=days - 1)), "to": str(last)}
        found = client.get("/v1/sources/scorecard", source=name, **window)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    results().print(table_of(found) if name is None else cards_of(found))


def table_of(found: dict[str, Any]) -> Table:
    """One line a source; below it what came from senders that are none."""
    labels = found["labels"]
    table = Table(title="Nguồn dữ liệu · số liệu hôm nay", title_justify="left")
    table.add_column("Nguồn", min_width=12, overflow="fold")
    for heading in ("Đơn vị", "Tình trạng", "Nghe lần cuối", "Nghe đến"):
        table.add_column(heading, no_wrap=True)
    for what in COUNTS:
        table.add_column(labels[what], justify="right")
    for one in found["sources"]:
        standing = "silent" if one["silent"] else "live" if one["is_live"] else "file"
        told = labels[standing] + (f" {_span(one['quiet_minutes'] * 60)}" if one["silent"] else "")
        instants = (_clock(one["last_recorded_at"]), _clock(one["heard_up_to"]))
        table.add_row(one["name"], _units(one["units"]), told, *instants, *(str(one["today"][what]) for what in COUNTS))
    for sender, count in sorted(found["strangers"].items()):
        table.add_row(sender or "(không rõ)", "", "Không rõ nguồn", "", "", "", "", str(count), "")
    return table


def cards_of(found: dict[str, Any]) -> Table:
    """One line a day."""
    labels = found["labels"]
    table = Table(title=f"{found['source']} · {_units(found['units'])}", title_justify="left")
    table.add_column("Ngày", no_wrap=True)
    for name in CARD:
        table.add_column(labels[name], justify="right")
    for one in found["days"]:
        table.add_row(datetime.fromisoformat(one["day"]).strftime("%d/%m"), *(_cell(name, one[name]) for name in CARD))
    return table


def _cell(name: str, value: Any) -> str:
    if name.startswith("delay"):
        return _span(value)
    if isinstance(value, dict):
        value = value["missing"] if "missing" in value else sum(value.values())
    return str(value) if value else "–"


def _span(seconds: int | None) -> str:
    """`45 s`, `12 ph`, `5 g`, `3 ng`: one unit is enough to know what is wrong."""
    if seconds is None:
        return "–"
    for size, unit in ((86400, "ng"), (3600, "g"), (60, "ph")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _units(units: list[str]) -> str:
    return ", ".join(units[:3]) + (f" +{len(units) - 3}" if len(units) > 3 else "")


def _clock(instant: str | None) -> str:
    return datetime.fromisoformat(instant).astimezone(LOCAL).strftime("%d/%m %H:%M") if instant else "–"
