"""`motcua report calendar` and the deeds about owed reports: who owes which report to whom, due when, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results, said
from shared.settings import RULES
from shared.units import load_units

Unit = Annotated[str, typer.Option("--unit", help="unit code")]
Units = Annotated[list[str], typer.Option("--unit", help="unit code; several times")]
Sender = Annotated[str, typer.Option("--from", help="slug of the agency that owes it, e.g. kinh-te")]
PeriodCode = Annotated[str, typer.Option("--period", help="2025-Q4, 2026-6M, 2026-9M, 2025, 2025-07-01--2025-10-31")]
Form = Annotated[str, typer.Option("--form")]
Receiver = Annotated[str | None, typer.Option("--to", help="to whom, when it is owed to several")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]

STATES = {
    "planned": "sắp tới", "opened": "chờ báo cáo", "received": "đã nhận", "checked": "đã kiểm tra",
    "compiled": "đã tổng hợp", "sent": "đã gửi", "acknowledged": "đã xác nhận", "cancelled": "không còn phải báo cáo",
}  # fmt: skip


def calendar(
    unit: Units,
    begin: Annotated[str | None, typer.Option("--from", help="first day; by default a month ago")] = None,
    end: Annotated[str | None, typer.Option("--to", help="last day; by default half a year ahead")] = None,
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print which reports are owed and coming, by the day on which they fall due."""
    found = Client.find(data).get("/v1/reports/calendar", unit=unit, **{"from": begin, "to": end})
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    if not found:
        said.print("no report falls due in this window; try another --from and --to", highlight=False)
    for code in unit:
        if rows := [one for one in found if one["unit"] == code]:
            results().print(table_of(code, rows))


def table_of(code: str, rows: Sequence[dict[str, Any]]) -> Table:
    """One line a report; departments that owe the same report by the same day in the same state share one."""
    unit = load_units(RULES).find(code)
    table = Table(title=f"Lịch báo cáo · {unit.name if unit else code}", title_justify="left")
    table.add_column("Hạn", no_wrap=True)
    table.add_column("Kỳ", no_wrap=True, max_width=24)
    table.add_column("Số liệu", no_wrap=True)
    table.add_column("Biểu", no_wrap=True)
    table.add_column("Nơi gửi → nơi nhận", no_wrap=True)
    table.add_column("Trạng thái", no_wrap=True)
    table.add_column("Lưu ý")
    lines: dict[tuple[str, ...], list[str]] = {}
    for one in rows:
        cells = (
            _vi(one["due"]) if one["due"] else "chưa có", one["period_vi"], _days(one["from"], one["to"]),
            one["form"], one["owed_to_vi"], _state(one), "; ".join(one["warnings"]),
        )  # fmt: skip
        lines.setdefault(cells, []).append(one["owed_by_vi"])
    for (due, period, window, form, receiver, state, warnings), senders in lines.items():
        parties = "\n".join([*senders, f"→ {receiver}"])
        table.add_row(due, period, window, form, parties, state, warnings)
    return table


def _state(one: dict[str, Any]) -> str:
    label = STATES[one["state"]]
    if one["handed_in_on"]:
        done = "nhận" if one["owed_by_kind"] == "department" else "gửi"
        when = _vi(one["handed_in_on"]).removesuffix(one["to"][:4]).rstrip("/")
        is_late = one["due"] and one["handed_in_on"] > one["due"]
        when += ", muộn" if is_late else ""
        text = f"{label} {when}" if label == f"đã {done}" else f"{label} ({done} {when})"
        return f"[yellow]{text}[/]" if is_late else f"[green]{text}[/]"
    if one["late"]:
        return "[red]quá hạn[/]"
    return "[bold]đến hạn hôm nay[/]" if one.get("is_due") else label


def _days(begin: str, end: str) -> str:
    first = _vi(begin)
    return f"{first.removesuffix(end[:4]).rstrip('/')} – {_vi(end)}"


def _vi(day: str) -> str:
    return date.fromisoformat(day).strftime("%d/%m/%Y")


def hand_in(
    unit: Unit,
    sender: Sender,
    period: PeriodCode,
    number: Annotated[str, typer.Option(help="number of the document, e.g. 45/BC-KT")] = "",
    document_date: Annotated[str | None, typer.Option("--date", help="date of the document")] = None,
    link: Annotated[str, typer.Option(help="where the document lies")] = "",
    on: Annotated[str | None, typer.Option(help="day on which it came, when not today (centre only)")] = None,
    figure: Annotated[list[str] | None, typer.Option(help="a figure that its sender confirms, c3=12; several")] = None,
    correct: Annotated[bool, typer.Option("--correct", help="replace what was handed in before")] = False,
    form: Form = "II.06a",
    to: Receiver = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Record that a department's report was received."""
    body = {
        **_named(unit, sender, period, form, to), "number": number, "document_date": document_date, "link": link, "on": on,
        "figures": _figures(figure or []), "correct": correct,
    }  # fmt: skip
    one = Client.find(data).post("/v1/reports/owed/hand-in", body)
    late = f", due {one['due']}: late" if one["due"] and one["handed_in_on"] > one["due"] else ""
    print(f"received {one['code']} on {one['handed_in_on']}{late}")


def _named(unit: str, sender: str, period: str, form: str, to: str | None) -> dict[str, Any]:
    return {"unit": unit, "from": sender, "period": period, "form": form, "to": to}


def _figures(pairs: Sequence[str]) -> dict[str, int] | None:
    found = dict[str, int]()
    for pair in pairs:
        name, _, number = pair.partition("=")
        if not number.isdecimal():
            raise CommandFailed(f"--figure {pair!r} is not a column and a number (write c3=12)")
        found[name.strip()] = int(number)
    return found or None


def check(
    unit: Unit,
    sender: Sender,
    period: PeriodCode,
    note: Annotated[str, typer.Option(help="why figures differ, when they do")] = "",
    only_look: Annotated[bool, typer.Option("--only-look", help="show the comparison, note nothing")] = False,
    form: Form = "II.06a",
    to: Receiver = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Check a received report: its figures beside those of the agency's own dossiers."""
    client, named = Client.find(data), _named(unit, sender, period, form, to)
    beside = client.get("/v1/reports/owed", **named)
    results().print(comparison_of(beside))
    if not only_look:
        one = client.post("/v1/reports/owed/check", {**named, "note": note})
        print(f"checked {one['code']}")


def comparison_of(one: dict[str, Any]) -> Table:
    """What the department confirmed over what its own dossiers say, column by column."""
    title = f"{one['owed_by_vi']} · {one['form']} · {one['period_vi']} ({_vi(one['from'])} – {_vi(one['to'])})"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in one["counted"]:
        table.add_column(f"({column.removeprefix('c')})", justify="right")
    confirmed = one["figures"] or {}
    table.add_row("Đơn vị báo cáo", *(str(confirmed.get(column, "–")) for column in one["counted"]))
    table.add_row(
        "Hồ sơ của đơn vị",
        *(
            f"[red]{count}[/]" if column in one["differences"] else str(count)
            for column, count in one["counted"].items()
        ),
    )
    return table


def send(
    unit: Unit,
    period: PeriodCode,
    sender: Sender = "ttpvhcc",
    form: Form = "II.06a",
    to: Receiver = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Record that the centre's report was handed to the leaders; the city's goes by itself when it is published."""
    one = Client.find(data).post("/v1/reports/owed/send", _named(unit, sender, period, form, to))
    print(f"sent {one['code']} on {one['handed_in_on']}")


def acknowledge(
    unit: Unit,
    period: PeriodCode,
    sender: Sender = "ttpvhcc",
    form: Form = "II.06a",
    to: Receiver = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Record that the leaders have taken note of the centre's report."""
    one = Client.find(data).post("/v1/reports/owed/acknowledge", _named(unit, sender, period, form, to))
    print(f"acknowledged {one['code']}")


def request(
    unit: Unit,
    sender: Annotated[str, typer.Option("--of", help="agency or group that is asked, e.g. phong-chuyen-mon")],
    begin: Annotated[str, typer.Option("--from", help="first day of the figures")],
    end: Annotated[str, typer.Option("--to", help="last day, inclusive")],
    document: Annotated[str, typer.Option(help="the document that asks for it")],
    due: Annotated[str | None, typer.Option(help="last day in time; by default the rules'")] = None,
    form: Form = "II.06a",
    data: Data = DEFAULT_DATA,
) -> None:
    """Ask an agency or a group for a report on any window (báo cáo đột xuất)."""
    body = {"unit": unit, "from": sender, "begin": begin, "end": end, "due": due, "document": document, "form": form}
    for one in Client.find(data).post("/v1/reports/owed/request", body):
        print(f"asked {one['code']}, due {one['due'] or 'without a date'}")


def add_to(app: typer.Typer) -> None:
    """Put these commands under `motcua report`."""
    for name, command in (
        ("calendar", calendar), ("hand-in", hand_in), ("check", check), ("send", send), ("acknowledge", acknowledge),
        ("request", request),
    ):  # fmt: skip
        app.command(name)(command)
