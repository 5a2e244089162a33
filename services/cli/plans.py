"""`motcua plan`: validate a plan file; show and move the progress of tasks and targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, Data, results, said
from shared.settings import RULES
from shared.units import load_units

app = typer.Typer(no_args_is_help=True, help="Plans: validate, show, record evidence.")
UnitOption = Annotated[str, typer.Option("--unit", help="unit code")]
MARKS = {
    "met": "✓", "missed": "✗", "on_track": "△", "behind": "▽", "no_value": "", "needs_number": "–",
    "trend_up": "↗", "not_rising": "↘", "no_comparison": "·",
}  # fmt: skip
LEGEND = "✓ đạt · ✗ không đạt · △ đang đạt, ▽ chưa đạt (kỳ chưa hết) · ↗ tăng, ↘ không tăng · – chưa giao số"
EVIDENCE = "minh chứng"
TITLE = 52
"""Characters of a title in a table; the whole of it is in `--json` and in the plan."""
PERIODS = {"plan": "kỳ kế hoạch", "report_year": "năm báo cáo", "half_year": "6 tháng"}


@app.command()
def check(file: Path) -> None:
    """Validate a plan file; prints what a person still has to decide, exit 2 with file, line and field when it is wrong."""
    from services.inspection.findings import check_plan

    findings = check_plan(file, load_units(RULES))
    for finding in findings:
        print(finding)
    print(f"{file}: valid, {len(findings)} findings")


@app.command()
def show(unit: UnitOption, as_json: Annotated[bool, typer.Option("--json")] = False, data: Data = DEFAULT_DATA) -> None:
    """Print the progress of every task and target of a unit's plans."""
    found = Client.find(data).get(f"/v1/plans/{unit}")
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    if not found["plans"]:
        said.print(
            f"no plan with targets is known for unit {unit}; plans are files of the rules folder", highlight=False
        )
    for plan in found["plans"]:
        results().print(table_of(plan))
    for inspection in found["inspections"]:
        results().print(steps_of(inspection))


@app.command()
def evidence(
    unit: UnitOption,
    plan: Annotated[str, typer.Option(help="id of the plan")],
    item: Annotated[str, typer.Option(help="id of the item, e.g. BG-1.1")],
    title: Annotated[str, typer.Option(help="what the document is")],
    number: Annotated[str, typer.Option(help="its number")] = "",
    date: Annotated[str | None, typer.Option(help="its date, 2025-08-29")] = None,
    agency: Annotated[str, typer.Option(help="department that answers")] = "",
    link: Annotated[str, typer.Option()] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Record a document that moves an item; never a citizen's data."""
    body = {
        "plan": plan, "item": item, "title": title, "number": number, "document_date": date, "agency": agency, "link": link
    }  # fmt: skip
    Client.find(data).post(f"/v1/plans/{unit}/evidence", body)
    print(f"recorded for {item}")


def table_of(plan: dict[str, Any]) -> Table:
    """One line a target, one column a period, as people read it on a terminal."""
    periods = list(dict.fromkeys(one["period"] for one in plan["targets"]))
    table = Table(title=plan["title"], title_justify="left", caption=LEGEND, caption_justify="left")
    table.add_column("Chỉ tiêu", no_wrap=True, min_width=6)
    table.add_column("Nội dung", max_width=TITLE)
    table.add_column("Giao", no_wrap=True, min_width=5, justify="right")
    for period in periods:
        table.add_column(PERIODS.get(period, period), no_wrap=True, min_width=9, justify="right")
    cells: dict[str, dict[str, str]] = {}
    for one in plan["targets"]:
        cells.setdefault(one["id"], {})[one["period"]] = _cell(one)
    for one in {target["id"]: target for target in plan["targets"]}.values():
        asked = f"{one['at_least']} %" if one.get("at_least") is not None else "–"
        table.add_row(
            one["id"], _short(one["title_vi"]), asked, *(cells[one["id"]].get(period, "") for period in periods)
        )
    return table


def steps_of(inspection: dict[str, Any]) -> Table:
    """The steps of an inspection plan with their deadlines as printed."""
    table = Table("Bước", "Nội dung", "Thời hạn", title=inspection["title"], title_justify="left")
    for step in inspection["steps"]:
        stated = "\n".join(step["stated"]) or "–"
        table.add_row(step["id"], step["title_vi"], f"{stated}\n⚠ chờ quyết định" if step["needs_decision"] else stated)
    return table


def _short(title: str) -> str:
    return title if len(title) <= TITLE else title[: TITLE - 1].rstrip() + "…"


def _cell(one: dict[str, Any]) -> str:
    if one["verdict"] == "by_evidence":
        return EVIDENCE if one["period"] == "plan" else ""
    return f"{one['percent'] or '–'} {MARKS.get(one['verdict'], '')}" if one.get("base") else "–"
