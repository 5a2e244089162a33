"""`motcua report forms`, and forms with one row a measure as people read them on a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results
from services.cli.plans import MARKS
from shared.settings import RULES
from shared.units import load_units

Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
LEGEND = "✓ đạt · ✗ không đạt · △ đang đạt, ▽ chưa đạt (kỳ chưa hết) · ↗ tăng, ↘ không tăng · – không có số liệu, không phải 0"
FORMATS = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl"}


def forms(as_json: Json = False, data: Data = DEFAULT_DATA) -> None:
    """List the forms: since when each holds, the kind of its periods, and who signs it off."""
    found = Client.find(data).get("/v1/reports/forms")
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    table = Table("form", "holds", "periods", "signed off by", "title")
    for one in found:
        holds = f"{one['valid_from']} – {one['valid_to'] or ''}"
        periods = "15th to 14th: 2025-Q4, 2025" if one["window"] == "report" else "calendar: C2025-10, C2025-Q4, C2025"
        title = one["agency_vi"] or one["title_vi"].capitalize()
        table.add_row(one["form"], holds, periods, f"{one['close']}, {one['restate']}", title)
    results().print(table)


def behind(
    unit: Annotated[list[str], typer.Option("--unit", help="unit code; several times, or `all`")],
    form: Annotated[str, typer.Option(help="a form of motcua report forms")] = "II.06a",
    cell: Annotated[str | None, typer.Option(help="'Hộ tịch/c4', c4, BG-T2:hit, BG-T2:base, BG-4.3.a")] = None,
    column: Annotated[
        str | None, typer.Option(help="c3 … c13, or a counted measure such as late_without_apology")
    ] = None,
    period: Annotated[str | None, typer.Option(help="2025-Q4, or C2025-Q4 for a calendar form")] = None,
    begin: Annotated[str | None, typer.Option("--from")] = None,
    end: Annotated[str | None, typer.Option("--to")] = None,
    field: Annotated[str | None, typer.Option(help="with --column: one row of the form; by default all")] = None,
    limit: int = 100,
    offset: int = 0,
    out: Annotated[Path | None, typer.Option(help="write all of it to a .csv, .xlsx or .jsonl file")] = None,
    known_on: Annotated[str | None, typer.Option(help="as known at the end of an earlier day")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the dossiers behind one cell of a form; as many as the cell says."""
    params: dict[str, Any] = {
        "unit": unit, "form": form, "cell": cell, "column": column, "period": period, "from": begin, "to": end,
        "field": field, "limit": limit, "offset": offset, "known_on": known_on,
    }  # fmt: skip
    client = Client.find(data)
    if out is None:
        print(json.dumps(client.get("/v1/reports/behind", **params), ensure_ascii=False, indent=1))
        return
    if out.suffix not in FORMATS:
        raise CommandFailed(f"{out}: write to a file that ends in {', '.join(FORMATS)}")
    said = {name: value for name, value in params.items() if value is not None}
    out.write_bytes(client.get_bytes("/v1/reports/behind", **said | {"limit": 100_000, "as": FORMATS[out.suffix]}))
    print(out)


def score(
    unit: Annotated[str, typer.Option()],
    period: Annotated[str, typer.Option(help="C2025-10, C2025-Q4, C2025")],
    row: Annotated[str, typer.Option(help="row of the index: 2.1, or 2 for a group")],
    points: Annotated[str, typer.Option(help="points as published: 15.5")],
    source: Annotated[str, typer.Option(help="where they were read")],
    published_on: Annotated[str, typer.Option("--on", help="day of publication, 2025-11-05")],
    form: str = "QD766",
    data: Data = DEFAULT_DATA,
) -> None:
    """Record a score that the national portal published; it is shown beside ours, with the difference."""
    body = {
        "unit": unit, "form": form, "period": period, "row": row, "score": points, "source": source,
        "published_on": published_on,
    }  # fmt: skip
    kept = Client.find(data).post("/v1/reports/scores", body)
    print(f"recorded {kept['score']} for {form} {row} of unit {unit}, {period}")


def measured_table(figures: dict[str, Any]) -> Table:
    """A form with one row a measure: numerator, denominator, value, and the target or the points where it has them."""
    unit = load_units(RULES).find(figures["unit"])
    title = f"{figures['form']} · {unit.name if unit else figures['unit']} · {figures['from']} → {figures['to']}"
    rows = figures["rows"]
    has_targets, is_index = any("verdict" in one for one in rows), any("max" in one for one in rows)
    table = Table(title=title, title_justify="left", caption=LEGEND if has_targets else None, caption_justify="left")
    table.add_column("Mục", no_wrap=True)
    table.add_column("Nội dung", min_width=30, max_width=58)
    for heading in ("Đạt", "Tổng", "Chưa rõ", "Kết quả"):
        table.add_column(heading, justify="right", no_wrap=True)
    if has_targets:
        table.add_column("Giao", justify="right", no_wrap=True)
    if is_index:
        for heading in ("Tối đa", "Điểm", "Công bố", "Lệch"):
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Ghi chú", max_width=40, style="dim")
    for one in rows:
        table.add_row(*_cells(one, has_targets=has_targets, is_index=is_index), style="bold" if one["kind"] in ("text", "sum") else None)  # fmt: skip
    return table


def _cells(one: dict[str, Any], *, has_targets: bool, is_index: bool) -> list[str]:
    numbers = [
        "" if one.get(name) is None else f"{one[name]:,}".replace(",", ".") for name in ("hit", "base", "unknown")
    ]
    cells = [one["label"], one["title_vi"], *numbers, f"{_value(one)} {MARKS.get(one.get('verdict', ''), '')}".strip()]
    if has_targets:
        cells.append(f"≥ {one['at_least']} %" if one.get("at_least") is not None else "–" if "at_least" in one else "")
    if is_index:
        published = (one.get("published") or {}).get("score", "")
        points = one["score"] or "–" if "score" in one else ""
        cells += [str(one.get("max", "")), points, published, one.get("difference") or ""]
    return [*cells, one.get("reason") or one.get("note_vi") or ""]


def _value(one: dict[str, Any]) -> str:
    if one["kind"] == "count":
        return "–" if one["count"] is None else f"{one['count']:,}".replace(",", ".")
    return one["percent"] or "–" if "percent" in one else ""
