"""`motcua import`: hand in the files of a centre."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, progress_bar, said
from services.cli.dry_run import Open, open_any, try_files
from services.cli.packets import items_of, send_packet
from services.dossier.files import (
    FileUnreadable,
    Item,
    OpenedFile,
    Packet,
    SheetMapping,
    load_mapping,
    read_packet,
    stored_mapping,
)
from shared.clock import SystemClock
from shared.events.envelope import BATCH_TYPE
from shared.events.records import Record, encode_record
from shared.settings import RULES
from shared.units import load_units

BATCH = 500
IN_FLIGHT = 4
KINDS = 1_000
"""Pairs of source and field whose refusals are told at once."""


@dataclass
class Outcome:
    """What became of one file."""

    file: str
    accepted: int = 0
    duplicate: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    unsent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By source and field: what was refused here and is counted where the rest is recorded."""

    def as_json(self) -> dict[str, Any]:
        """Counts and every rejection with line, field and reason."""
        return {
            "file": self.file, "accepted": self.accepted, "duplicate": self.duplicate,
            "rejected": len(self.rejected), "rejections": self.rejected,
        }  # fmt: skip


def import_files(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="dossier sheets (CSV, XLSX), record files (JSON Lines, also .gz) or packets of the national portal"
        ),
    ],
    unit: Annotated[str | None, typer.Option(help="unit of a sheet or packet that names none")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="instant of the export, RFC 3339; by default the newest statement")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="YAML file (or name of a stored one) that explains a sheet's own headings")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would be accepted and why not; changes nothing")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Import files; returns when all four services have digested what was accepted.

    Exit 0 when everything was taken, 3 when some items were rejected, 2 when a file cannot be read at all.
    """
    units = load_units(RULES)
    open_one = partial(
        open_any,
        units=units,
        now=SystemClock().now(),
        unit=unit,
        as_of=_instant(as_of),
        mapping=mapping_of(mapping, units.__contains__),
    )
    if dry_run:
        raise typer.Exit(try_files(files, open_one, as_json=as_json))
    client = Client.find(data)
    outcomes, unreadable = list[Outcome](), list[str]()
    for path in files:
        try:
            packet = read_packet(path)
            outcomes.append(_import(client, path, open_one) if packet is None else _hand_on(client, path, packet, unit))
        except FileUnreadable as error:
            unreadable.append(str(error))
    client.wait_until_digested()
    _show(outcomes, unreadable, as_json)
    if unreadable:
        raise typer.Exit(2)
    if any(outcome.rejected for outcome in outcomes):
        raise typer.Exit(3)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandFailed(f"--as-of {text} is no instant; write it as 2025-11-30T17:00:00+07:00") from error
    if instant.tzinfo is None:
        raise CommandFailed(f"--as-of {text} has no offset; write it as {text}+07:00")
    return instant


def mapping_of(name: str | None, knows_unit: Callable[[str], bool]) -> SheetMapping | None:
    """The mapping of that file or stored name; raises `RuleError` with every mistake in it."""
    if name is None:
        return None
    path = Path(name)
    return load_mapping(path if path.exists() else stored_mapping(RULES, name) or path, knows_unit)


def _import(client: Client, path: Path, open_one: Open) -> Outcome:
    opened = open_one(path)
    outcome = Outcome(str(path))
    with progress_bar() as progress, ThreadPoolExecutor(IN_FLIGHT) as pool:
        task = progress.add_task(path.name, total=opened.total)
        flying = list[Future[None]]()
        for batch in _batches(opened, outcome, lambda: progress.advance(task)):
            if len(flying) >= IN_FLIGHT:
                flying.pop(0).result()
            flying.append(pool.submit(_send, client, batch, outcome))
        for one in flying:
            one.result()
        progress.update(task, completed=opened.total)
    heard = {source: instant.isoformat() for source, instant in opened.sources().items()}
    refused = [{"source": source, "field": at, "count": count} for (source, at), count in outcome.unsent.items()]
    if heard:
        client.post("/v1/heard", {"sources": heard})
    for start in range(0, len(refused), KINDS):
        client.post("/v1/heard", {"sources": {}, "refused": refused[start : start + KINDS]})
    return outcome


def _hand_on(client: Client, path: Path, packet: Packet, unit: str | None) -> Outcome:
    outcome = Outcome(str(path))
    with progress_bar() as progress:
        task = progress.add_task(path.name, total=len(items_of(packet)))
        for answers in send_packet(client, path, packet, unit):
            progress.advance(task, len(answers))
            for one in answers:
                if one["status"] == "rejected":
                    outcome.rejected.append(one)
                else:
                    outcome.accepted += one["status"] == "accepted"
                    outcome.duplicate += one["status"] == "duplicate"
    return outcome


def _batches(opened: OpenedFile, outcome: Outcome, tick: Any) -> Iterator[list[tuple[int, Record]]]:
    batch = list[tuple[int, Record]]()
    for item in opened.items():
        tick()
        if item.refused is not None:
            outcome.rejected.append(_refusal(item))
            outcome.unsent[item.source, item.refused.field[:100]] += 1
        batch.extend((item.line, statement) for statement in item.statements)
        if len(batch) >= BATCH:
            yield batch[:BATCH]
            batch = batch[BATCH:]
    while batch:
        yield batch[:BATCH]
        batch = batch[BATCH:]


def _refusal(item: Item) -> dict[str, Any]:
    assert item.refused is not None
    refused = item.refused
    return {
        "line": item.line,
        "code": item.key,
        "field": refused.field,
        "reason": refused.reason,
        "advice": refused.advice,
    }


def _send(client: Client, batch: list[tuple[int, Record]], outcome: Outcome) -> None:
    body = b"[" + b",".join(encode_record(statement) for _, statement in batch) + b"]"
    answer = client.post("/v1/records?door=file", content=body, media_type=BATCH_TYPE)
    outcome.accepted += answer["accepted"]
    outcome.duplicate += answer["duplicate"]
    for (line, statement), receipt in zip(batch, answer["items"], strict=True):
        if receipt["status"] == "rejected":
            outcome.rejected.append({"line": line, "code": statement.code, **receipt})


def _show(outcomes: list[Outcome], unreadable: list[str], as_json: bool) -> None:
    if as_json:
        files = [outcome.as_json() for outcome in outcomes]
        total = {name: sum(one[name] for one in files) for name in ("accepted", "duplicate", "rejected")}
        print(json.dumps({**total, "files": files, "unreadable": unreadable}, ensure_ascii=False, indent=1))
        return
    for outcome in outcomes:
        print(
            f"{outcome.file}: {outcome.accepted} accepted, {outcome.duplicate} duplicate, {len(outcome.rejected)} rejected"
        )
        for one in sorted(outcome.rejected, key=lambda one: int(one["line"])):
            advice = f" ({one['advice']})" if one.get("advice") else ""
            print(f"{outcome.file}:{one['line']}: {one['code'] or '-'}: {one['field']}: {one['reason']}{advice}")
    for reason in unreadable:
        said.print(f"cannot be read: {reason}", style="red", highlight=False)
