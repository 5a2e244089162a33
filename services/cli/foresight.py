"""`motcua report foresight`: what a period will probably end with, and what must be finished by when."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, Data, results


def foresight(
    unit: Annotated[str, typer.Option(help="unit code")],
    period: Annotated[str, typer.Option(help="a period that is not over, such as 2025-Q4")],
    on: Annotated[str | None, typer.Option(help="as it looked at the end of an earlier day; by default today")] = None,
    limit: Annotated[int, typer.Option(help="how many of the riskiest dossiers")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Foresee the on-time rate at a period's end, and list the open dossiers that decide it."""
    told = Client.find(data).get("/v1/reports/foresight", unit=unit, period=period, on=on, limit=limit)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    out = results()
    out.print(f"On time · {unit} · {period} ({told['from']} → {told['to']}) as of {told['on']}")
    out.print(
        f"  so far {_percent(told['so_far'])}, expected at the end {_percent(told['expected'])} "
        f"({told['interval']:.0%} of the time between {_percent(told['low'])} and {_percent(told['high'])})"
    )
    out.print(
        f"  open {told['open']}: {told['broken']} past their promise, {told['waiting']} waiting; "
        f"learned from {told['learned_from']} finished dossiers"
    )
    days = Table(
        "by the end of", "dossiers that must be finished", title="To break no further promise", title_justify="left"
    )
    for one in told["must_finish"]:
        days.add_row(one["by"], str(one["dossiers"]))
    risks = Table(
        "dossier", "procedure", "field", "due", "working days old", "left", "chance of a breach",
        title="Riskiest open dossiers", title_justify="left",
    )  # fmt: skip
    for one in told["riskiest"]:
        left = f"{one['left']}{' (waiting)' if one['waiting'] else ''}"
        cells = (one["dossier"], one["procedure"], one["field"], one["due_on"], str(one["age"]), left)
        risks.add_row(*cells, f"{one['breach']:.0%}")
    out.print(days, risks)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"
