"""`motcua report`: figures and the life of a report."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli import forms
from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, RequestRefused, progress_bar, results, said
from shared.settings import RULES
from shared.units import load_units

CLOSED_AT_ONCE = 3
"""Reports of which one is written while others are set and signed; a closing waits for its turn at the facts."""
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
    period: Annotated[str | None, typer.Option(help="2025-Q4, 2026-6M, 2026-9M, 2025")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="first day, 2025-07-01")] = None,
    end: Annotated[str | None, typer.Option("--to", help="last day, inclusive")] = None,
    form: str = "II.06a",
    known_on: Annotated[str | None, typer.Option(help="as known at the end of an earlier day, 2025-12-20")] = None,
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the figures of a form for a period, or a window from–to."""
    if (period is None) == (begin is None or end is None):
        raise CommandFailed("give either --period or both --from and --to")
    params: dict[str, Any] = {
        "unit": unit,
        "period": period,
        "from": begin,
        "to": end,
        "form": form,
        "known_on": known_on,
    }
    found = Client.find(data).get("/v1/reports/figures", **params)
    if as_json:
        print(json.dumps(found[0] if len(unit) == 1 and unit != ["all"] else found, ensure_ascii=False, indent=1))
        return
    for one in found:
        results().print(table_of(one))


def table_of(figures: dict[str, Any]) -> Table:
    """A form as people read it on a terminal."""
    if any("id" in row for row in figures["rows"]):
        return forms.measured_table(figures)
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


app.command()(forms.forms)
app.command()(forms.behind)
app.command()(forms.score)


@app.command("list")
def list_reports(
    unit: UnitOption,
    form: Annotated[str | None, typer.Option(help="only this form")] = None,
    period: Annotated[str | None, typer.Option(help="only this period")] = None,
    version: Annotated[int | None, typer.Option(help="only this version")] = None,
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """List closed reports: the archive, by unit, form, period and version."""
    found = Client.find(data).get("/v1/reports", unit=unit, form=form, period=period, version=version)
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
    unit: UnitOption,
    period: Annotated[str, typer.Option()],
    form: str = "II.06a",
    role: Annotated[str | None, typer.Option("--as", help="role in which you sign off; by default the form's")] = None,
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Freeze the reports of a period that is over; of several units (or `all`) a refused one does not stop the others: exit 3."""
    client = Client.find(data)
    body = {"form": form, "period": period, "as": role}
    if unit == ["all"] or len(unit) > 1:
        closed, refused = _close_each(client, _known_units(client) if unit == ["all"] else unit, body)
    else:
        closed, refused = [client.post("/v1/reports/close", {**body, "unit": unit[0]})], []
    _show_closed(closed, as_json=as_json, several=unit == ["all"] or len(unit) > 1)
    for line in refused:
        said.print(line, highlight=False, soft_wrap=True)
    if refused:
        raise typer.Exit(3)


def _known_units(client: Client) -> list[str]:
    day = date.today().isoformat()
    return [one["unit"] for one in client.get("/v1/reports/figures", unit="all", **{"from": day, "to": day})]


def _close_each(client: Client, units: list[str], body: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """What was closed, and a line for each unit that was refused, in the order given; some at a time."""

    def close_one(unit: str) -> dict[str, Any] | str:
        try:
            answer: dict[str, Any] = client.post("/v1/reports/close", {**body, "unit": unit})
        except RequestRefused as error:
            return f"refused {unit}: {error}"
        return answer

    with ThreadPoolExecutor(CLOSED_AT_ONCE) as pool, progress_bar() as bar:
        found = list(bar.track(pool.map(close_one, units), total=len(units), description="closing"))
    return [one for one in found if not isinstance(one, str)], [one for one in found if isinstance(one, str)]


def _show_closed(closed: list[dict[str, Any]], *, as_json: bool, several: bool) -> None:
    if as_json:
        print(json.dumps(closed if several else closed[0], ensure_ascii=False, indent=1))
        return
    for one in closed:
        print(
            f"closed {one['form']} {one['unit']} {one['period']} v{one['version']} fingerprint {one['fingerprint'][:12]}"
        )
        if missing := one.get("missing_reports"):
            said.print(f"warning: not received from {', '.join(missing)}; see motcua report calendar", highlight=False)


@app.command()
def proposals(
    unit: UnitOption,
    closed: Annotated[bool, typer.Option("--all", help="decided and replaced ones too")] = False,
    as_json: Json = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """List what would change closed reports: cell by cell, with the dossiers and who said it late."""
    found = Client.find(data).get("/v1/reports/proposals", unit=unit, closed=closed)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for one in found:
        print(f"proposal {one['id']} ({one['status']}): {one['form']} {one['unit']} {one['period']} v{one['version']}")
        for cell in one["cells"]:
            print(f"  {cell['field']} {cell['column']}: {cell['old']} -> {cell['new']}")
        for cause in one["causes"]:
            revisions = f"revision {cause['old_revision'] or '–'} -> {cause['new_revision'] or '–'}"
            print(f"  because of {cause['dossier']}, {revisions}, said by {', '.join(cause['sources'])}")


@app.command()
def approve(
    number: Annotated[int, typer.Argument(help="number of the proposal")],
    role: Annotated[str | None, typer.Option("--as", help="role in which you approve")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Restate a closed report: a new version that supersedes the old one."""
    one = Client.find(data).post(f"/v1/reports/proposals/{number}/approve", {"as": role})
    print(f"restated {one['form']} {one['unit']} {one['period']} v{one['version']} supersedes v{one['supersedes']}")


@app.command()
def reject(
    number: Annotated[int, typer.Argument(help="number of the proposal")],
    reason: Annotated[str, typer.Option(help="why the closed figures stay")],
    role: Annotated[str | None, typer.Option("--as", help="role in which you reject; by default the form's")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Keep the closed figures; the proposal stays on record with the reason."""
    body = {"as": role, "reason": reason}
    one = Client.find(data).post(f"/v1/reports/proposals/{number}/reject", body)
    print(f"rejected proposal {one['id']}: {one['reason']}")


@app.command()
def export(
    unit: Annotated[str, typer.Option()],
    period: Annotated[str, typer.Option()],
    out: Annotated[Path, typer.Option(help="a folder for every document, or one file (.json, .xlsx, …)")],
    form: str = "II.06a",
    version: Annotated[int | None, typer.Option(help="by default the newest")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a closed report's documents and the public key; the same bytes whenever it is asked for."""
    client, wanted = Client.find(data), {"unit": unit, "form": form, "period": period}
    if version is not None:
        wanted["version"] = str(version)
    if out.suffix and not out.is_dir():
        out.write_bytes(client.get_bytes("/v1/reports/file", **wanted, suffix=out.suffix))
        print(out)
        return
    for path in export_all(client, out, **wanted):
        print(path)


def export_all(client: Client, folder: Path, **wanted: str) -> list[Path]:
    """Write every document of one closed report, and the public keys that check it, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    document = client.get_bytes("/v1/reports/file", **wanted, suffix=".json")
    report = json.loads(document)
    stem = f"{report['form']}_{report['unit']}_{report['period']}_v{report['version']}"
    contents = {f"{stem}.json": document}
    for one in report["files"]:
        suffix = one["name"].removeprefix(stem)
        contents[one["name"]] = client.get_bytes("/v1/reports/file", **wanted, suffix=suffix)
    for key in client.get("/v1/reports/keys"):
        if key["key_id"] == report["key_id"]:
            contents[f"report-key-{key['key_id']}.pem"] = key["public_pem"].encode()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="a report's .json, or one of its documents beside it")],
    key: Annotated[Path | None, typer.Option(help="public key; by default report-key-<id>.pem beside the file")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Check a closed report offline with the public key alone; exit 1 and the reasons when anything was changed."""
    del data  # every command takes it; this one asks nobody
    problems, checked = _verify(file, key)
    for one in problems:
        print(f"NOT GENUINE {file.name}: {one}")
    if problems:
        raise typer.Exit(1)
    print(f"genuine: {', '.join(checked)}")


def _verify(file: Path, key: Path | None) -> tuple[list[str], list[str]]:
    from services.reporting import signing, verifying  # cryptography need not be loaded by every command

    path = file if file.suffix == ".json" else file.with_name(f"{file.name.split('.dossiers')[0]}")
    path = (
        path
        if path.suffix == ".json"
        else path.with_suffix(".json")
        if file.suffix != ".jsonl"
        else Path(f"{path}.json")
    )
    try:
        content = path.read_bytes()
        report = verifying.read_document(content)
        key = key or path.with_name(f"report-key-{report['key_id']}.pem")
        problems = verifying.check_document(content, signing.load_public(key))
        beside = [path.with_name(str(one["name"])) for one in report["files"]]
        found = [one for one in beside if one.exists()] if file == path else [file]
        for one in found:
            problems += verifying.check_file(report, one)
    except (OSError, ValueError, KeyError, TypeError, signing.SigningKeyUnusable) as error:
        raise CommandFailed(f"cannot verify {file}: {error}") from error
    return problems, [path.name, *(one.name for one in found), f"key {report['key_id']} of {key}"]
