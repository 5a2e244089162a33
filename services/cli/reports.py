"""`motcua report`: figures and the life of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results
from shared.settings import RULES
from shared.units import load_units

app = typer.Typer(no_args_is_help=True, help="Figures of forms, and the life of a report.")
UnitOption = Annotated[list[str], typer.Option("--unit", help="unit code; several times, or `all`")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
COLUMNS = tuple(f"c{number}" for number in range(3, 14))
HEADINGS = (
    "Tổng",
    "Trực tuyến",
    "Trực tiếp",
    "Kỳ trước",
    "Xong",
    "Trước hạn",
    "Đúng hạn",
    "Quá hạn",
    "Đang xử lý",
    "Trong hạn",
    "Quá hạn",
)


@app.command()
def show(
    unit: UnitOption,
    period: Annotated[str | None, typer.Option(help="2025-Q4, or 2025")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="first day, 2025-07-01")] = None,
    end: Annotated[str | None, typer.Option("--to", help="last day, inclusive")] = None,
    form: str = "II.06a",
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the figures of a form for a period, or a window from–to."""
    if (period is None) == (begin is None or end is None):
        raise CommandFailed("give either --period or both --from and --to")
    params: dict[str, Any] = {"unit": unit, "period": period, "from": begin, "to": end, "form": form}
    found = Client.find(data).get("/v1/reports/figures", **params)
    if as_json:
        print(json.dumps(found[0] if len(unit) == 1 and unit != ["all"] else found, ensure_ascii=False, indent=1))
        return
    for one in found:
        results().print(table_of(one))


def table_of(figures: dict[str, Any]) -> Table:
    """Form II.06a as people read it on a terminal."""
    unit = load_units(RULES).find(figures["unit"])
    title = f"{figures['form']} · {unit.name if unit else figures['unit']} · {figures['from']} → {figures['to']}"
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column("Lĩnh vực\n(2)", footer="Tổng số", no_wrap=True, min_width=16, max_width=52)
    for column, heading in zip(COLUMNS, HEADINGS, strict=True):
        number = column.removeprefix("c")
        table.add_column(f"{heading}\n({number})", footer=str(figures["total"][column]), justify="right")
    for row in figures["rows"]:
        table.add_row(row["field"], *(str(row[column]) for column in COLUMNS))
    return table


@app.command()
def behind(
    unit: UnitOption,
    column: Annotated[str, typer.Option(help="c3 … c13")],
    begin: Annotated[str, typer.Option("--from")],
    end: Annotated[str, typer.Option("--to")],
    field: Annotated[str | None, typer.Option(help="one row of the form; by default all")] = None,
    limit: int = 100,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the dossiers behind one cell; as many as the cell says."""
    params: dict[str, Any] = {"unit": unit, "column": column, "from": begin, "to": end, "field": field, "limit": limit}
    print(json.dumps(Client.find(data).get("/v1/reports/behind", **params), ensure_ascii=False, indent=1))


@app.command("list")
def list_reports(unit: UnitOption, as_json: Json = False, data: Data = DEFAULT_DATA) -> None:
    """List closed reports."""
    found = Client.find(data).get("/v1/reports", unit=unit)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table("unit", "form", "period", "version", "closed", "fingerprint")
    for one in found:
        cells = (one["unit"], one["form"], one["period"], one["version"], one["closed_at"], one["fingerprint"][:12])
        table.add_row(*map(str, cells))
    results().print(table)


@app.command()
def close(
    unit: UnitOption, period: Annotated[str, typer.Option()], as_json: Json = False, data: Data = DEFAULT_DATA
) -> None:
    """Freeze the reports of a period that is over; refused when it was closed before."""
    client = Client.find(data)
    closed = [client.post("/v1/reports/close", {"unit": one, "period": period}) for one in unit]
    if as_json:
        print(json.dumps(closed[0] if len(closed) == 1 else closed, ensure_ascii=False, indent=1))
        return
    for one in closed:
        print(
            f"closed {one['form']} {one['unit']} {one['period']} v{one['version']} fingerprint {one['fingerprint'][:12]}"
        )


@app.command()
def export(
    unit: Annotated[str, typer.Option()],
    period: Annotated[str, typer.Option()],
    out: Annotated[Path, typer.Option(help="file to write (.xlsx)")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a closed report as XLSX; the same bytes whenever it is asked for."""
    out.write_bytes(Client.find(data).get_bytes("/v1/reports/sheet", unit=unit, period=period))
    print(out)
