"""`motcua apology`: the letters owed for broken promises, and each step of their life."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results, said

app = typer.Typer(
    no_args_is_help=True, help="Written apologies for broken promises: list, draft, issue, sent, published."
)
Unit = Annotated[str, typer.Option("--unit", help="five-digit code of the unit")]
Dossier = Annotated[str, typer.Option("--dossier", help="dossier code")]
Promise = Annotated[
    datetime | None,
    typer.Option("--promise", formats=["%Y-%m-%d"], help="promised day, when a dossier broke more than one"),
]
Reason = Annotated[str | None, typer.Option("--reason", help="code of apologies.yaml, e.g. workload")]
Cause = Annotated[str | None, typer.Option("--cause", help="the cause in words, without anything of the citizen")]
NewDate = Annotated[datetime | None, typer.Option("--new-date", formats=["%Y-%m-%d"], help="day promised instead")]
Out = Annotated[Path | None, typer.Option("--out", help="file for the letter, .pdf or .docx")]
Applicant = Annotated[
    str, typer.Option("--applicant", help="name to print; stored nowhere. Without it the sealed one, else a blank")
]
KINDS = ("pdf", "docx")
REMARK = "Motcua-Remark"


@app.command("list")
def list_apologies(
    unit: Unit,
    state: Annotated[str | None, typer.Option(help="opened, drafted, issued, sent, published or withdrawn")] = None,
    field: Annotated[str | None, typer.Option()] = None,
    agency: Annotated[str | None, typer.Option(help="department, by its slug")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print a unit's apologies, oldest promise first."""
    client, after, items = Client.find(data), "", list[dict[str, Any]]()
    wanted = {"unit": unit, "state": state, "field": field, "agency": agency, "limit": 1000}
    while after is not None:
        page = client.get("/v1/apologies", **wanted, after=after)
        items, after = items + page["items"], page["next"]
    if as_json:
        print(json.dumps(items, ensure_ascii=False, indent=1))
        return
    table = Table("Mã hồ sơ", "Hẹn trả", "Lĩnh vực", "Bộ phận", "Số", "Hẹn lại", "Trạng thái")
    for one in items:
        days = [_day(one["due_at"]), one["field"] or "–", one["agency"] or "–", one["number"] or "–"]
        table.add_row(one["dossier"], *days, _day(one["new_due_at"]), one["standing_vi"])
    results().print(table)


@app.command()
def draft(
    unit: Unit,
    dossier: Dossier,
    reason: Reason = None,
    cause: Cause = None,
    new_date: NewDate = None,
    promise: Promise = None,
    out: Out = None,
    applicant: Applicant = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Keep a draft; another one replaces it until the letter is issued."""
    body = _about(dossier, promise) | {"reason_code": reason, "cause": cause, "new_due_on": _given(new_date)}
    _take(Client.find(data), unit, "draft", body, out, applicant)


@app.command()
def issue(
    unit: Unit,
    dossier: Dossier,
    number: Annotated[str, typer.Option(help="the letter's number, with or without its symbol")],
    signer: Annotated[str, typer.Option(help="who signs")],
    reason: Reason = None,
    cause: Cause = None,
    new_date: NewDate = None,
    without_new_date: Annotated[
        bool, typer.Option("--without-new-date", help="promise no new day, whatever was drafted")
    ] = False,
    promise: Promise = None,
    out: Out = None,
    applicant: Applicant = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Issue the letter; what is left out is as it was drafted."""
    words = {
        "number": number,
        "signer": signer,
        "reason_code": reason,
        "cause": cause,
        "new_due_on": _given(new_date),
        "without_new_date": without_new_date,
    }
    _take(Client.find(data), unit, "issue", _about(dossier, promise) | words, out, applicant)


@app.command()
def sent(
    unit: Unit,
    dossier: Dossier,
    how: Annotated[str, typer.Option(help="counter, post, email, sms or other")],
    promise: Promise = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Note that the letter reached the applicant."""
    _take(Client.find(data), unit, "sent", _about(dossier, promise) | {"how": how})


@app.command()
def published(
    unit: Unit,
    dossier: Dossier,
    where: Annotated[str, typer.Option(help="where it was made public")] = "",
    promise: Promise = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Note that the apology was made public."""
    _take(Client.find(data), unit, "published", _about(dossier, promise) | {"where": where})


@app.command()
def forget(unit: Unit, dossier: Dossier, data: Data = DEFAULT_DATA) -> None:
    """Forget the applicant's sealed name for good; no later packet brings it back."""
    Client.find(data).post(f"/v1/apologies/{unit}/forget", {"dossier": dossier})
    print(f"{dossier}: its applicant's name is forgotten")


@app.command()
def key(out: Annotated[Path, typer.Option(help="file to write; one that exists is left alone")]) -> None:
    """Make the key with which names of applicants are sealed; MOTCUA_APPLICANTS_KEY names it to the dossier service."""
    from services.dossier.applicants.sealing import make_key  # cryptography is slow to import

    try:
        make_key(out)
    except FileExistsError as error:
        advice = "names are sealed with it; for a new key write another file and put its line above the old one"
        raise CommandFailed(f"{out}: exists ({advice})") from error
    print(f"{out}: written; keep a copy apart from the database's: without it no sealed name can be read again")


def _take(
    client: Client, unit: str, step: str, body: dict[str, Any], out: Path | None = None, applicant: str = ""
) -> None:
    kind = out.suffix.removeprefix(".").lower() if out else ""
    if out and kind not in KINDS:
        raise CommandFailed(f"{out}: a letter is a .pdf or a .docx (name the file so)")
    done = client.post(f"/v1/apologies/{unit}/{step}", body)
    due_on = datetime.fromisoformat(done["due_at"]).date()
    print(f"{done['dossier']}, promised for {due_on:%d/%m/%Y}: {done['standing']}")
    if out:
        wanted = {"dossier": body["dossier"], "due_on": str(due_on), "applicant": applicant}
        answer = client.post_for_file(f"/v1/apologies/{unit}/letter", wanted, **{"as": kind})
        out.write_bytes(answer.content)
        print(f"{out}: written")
        if remark := answer.headers.get(REMARK):
            said.print(f"{out}: without a name: {remark}", soft_wrap=True, highlight=False)


def _about(dossier: str, promise: datetime | None) -> dict[str, Any]:
    return {"dossier": dossier, "due_on": _given(promise)}


def _given(day: datetime | None) -> str | None:
    return str(day.date()) if day else None


def _day(instant: str | None) -> str:
    return f"{datetime.fromisoformat(instant):%d/%m/%Y}" if instant else "–"
