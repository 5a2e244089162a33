"""`motcua report explain`: why a report says something else than it said on an earlier day."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results


def explain(
    unit: Annotated[str, typer.Option(help="unit code")],
    known_from: Annotated[str, typer.Option(help="the earlier day of knowledge, 2025-12-15")],
    known_to: Annotated[str, typer.Option(help="the later day of knowledge, 2025-12-20")],
    period: Annotated[str | None, typer.Option(help="2025-Q4, or 2025")] = None,
    begin: Annotated[str | None, typer.Option("--from", help="first day, 2025-07-01")] = None,
    end: Annotated[str | None, typer.Option("--to", help="last day, inclusive")] = None,
    form: str = "II.06a",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print what changed between two days: cell by cell, the dossiers that cause it, and what was said of them."""
    if (period is None) == (begin is None or end is None):
        raise CommandFailed("give either --period or both --from and --to")
    params: dict[str, Any] = {"unit": unit, "period": period, "from": begin, "to": end, "form": form}
    told = Client.find(data).get("/v1/reports/between", **params, known_from=known_from, known_to=known_to)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    title = f"{form} · {unit} · {told['from']} → {told['to']} · known on {known_from} → {known_to}"
    if not told["cells"] and not told["causes"]:
        print(f"{title}: both days say the same")
        return
    cells = Table("cell", "was", "is", "came in", "went out", title=title, title_justify="left")
    for one in told["cells"]:
        cells.add_row(one["cell"], str(one["old"]), str(one["new"]), _codes(one["came_in"]), _codes(one["went_out"]))
    causes = Table("dossier", "cells", "statement", "happened", "said by", "recorded", "changed", show_lines=True)
    for one in told["causes"]:
        moved = f"{' '.join(one['old_columns']) or '–'}\n{' '.join(one['new_columns']) or '–'}"
        for revision in one["statements"]:
            changed = "\n".join(
                f"{name}: {_word(old)} → {_word(new)}" for name, (old, new) in _news(revision["changed"])
            )
            said = ("\n".join(column) for column in zip(*_said(revision), strict=True))
            causes.add_row(one["dossier"], moved, *said, _minute(revision["recorded_at"]), changed)
            moved = ""
    results().print(cells, causes)
    for row, reason in told["not_kept"].items():
        results().print(f"{row}: {reason}", style="dim", highlight=False)


def _codes(dossiers: list[str], most: int = 3) -> str:
    rest = [f"… {len(dossiers) - most} more"] * (len(dossiers) > most)
    return "\n".join([*dossiers[:most], *rest])


def _said(revision: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Kind, instant and source of each statement; of a revision from before statements were named what is known of it."""
    stated = [(one["kind"], _minute(one["happened_at"]), one["source"]) for one in revision["stated"]]
    return stated or [(f"revision {revision['revision']}", revision["happened_on"] or "–", revision["source"])]


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _news(changed: dict[str, Any]) -> list[tuple[str, Any]]:
    # the first statement of a dossier brings every fact at once; what moves figures is enough for a table
    wanted = ("status", "outcome", "field", "channel", "received_on", "due_on", "finished_on", "waiting")
    return [(name, changed[name]) for name in wanted if name in changed]


def _word(value: Any) -> str:
    return "–" if value is None else str(value)
