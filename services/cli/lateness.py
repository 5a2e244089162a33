"""`motcua lateness`: who was late for real, who only on paper, and whose time it was."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, Data, results

MINUTES_AN_HOUR = 60
"""Hours for all causes: office time has days of another length than a citizen's."""


def show_lateness(
    unit: Annotated[str, typer.Option(help="five-digit code of the unit")],
    begin: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first promised day")],
    end: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last promised day")],
    by: Annotated[str, typer.Option(help="field or agency")] = "field",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Why the dossiers promised between two days are late, by field or agency; the list is GET /v1/lateness/dossiers."""
    window = {"from": str(begin.date()), "to": str(end.date())}
    answer = Client.find(data).get("/v1/lateness", unit=unit, by=by, **window)
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, indent=1))
        return
    results().print(_table(answer))


def _table(answer: dict[str, Any]) -> Table:
    table = Table(title=f"Hồ sơ quá hạn, đơn vị {answer['unit']}, hẹn trả từ {answer['begin']} đến {answer['end']}")
    table.add_column("Lĩnh vực" if answer["by"] == "field" else "Bộ phận")
    table.add_column("Quá hạn thật", justify="right")
    table.add_column("Chỉ trên giấy", justify="right")
    for name in answer["causes"].values():
        table.add_column(f"{name} (giờ)", justify="right")
    for group in answer["groups"]:
        table.add_row(*_row(group["name"] or "–", group, answer["causes"]))
    table.add_section()
    table.add_row(*_row("Tổng số", answer["total"], answer["causes"]))
    return table


def _row(name: str, group: dict[str, Any], causes: dict[str, str]) -> list[str]:
    hours = (f"{group['minutes'][cause] / MINUTES_AN_HOUR:,.0f}".replace(",", ".") for cause in causes)
    return [name, str(group["late_for_real"]), str(group["late_on_paper"]), *hours]
