"""`motcua import --dry-run`: what files would say, row by row, and why not; asks no running system, changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from services.cli.client import results, said
from services.dossier.files import FileUnreadable, Item, OpenedFile, Reason, SheetMapping, Tally, open_file
from services.dossier.messages import FINDING
from services.dossier.portal.packets import open_packet
from services.dossier.portal.rules import load_portal_rules
from shared.localtime import LOCAL
from shared.settings import RULES
from shared.units import Units

Open = Callable[[Path], OpenedFile]


def open_any(
    path: Path,
    *,
    units: Units,
    now: datetime,
    unit: str | None = None,
    as_of: datetime | None = None,
    mapping: SheetMapping | None = None,
    name: str | None = None,
) -> OpenedFile:
    """A sheet, a record file or a national-portal packet, told by content; raises `FileUnreadable`."""
    packet = open_packet(path, rules=load_portal_rules(RULES), units=units, now=now, unit=unit, name=name)
    if packet is not None:
        return packet
    return open_file(path, knows_unit=units.__contains__, now=now, unit=unit, as_of=as_of, mapping=mapping, name=name)


@dataclass
class Foretold:
    """What became of one file, but for the rows themselves: they are printed as they come."""

    file: str
    accepted: int = 0
    rejected: int = 0
    statements: int = 0
    tally: Tally = field(default_factory=Tally)

    def note(self, item: Item) -> None:
        """Count one row."""
        if item.refused is None:
            self.accepted += 1
            self.statements += len(item.statements)
        else:
            self.rejected += 1
            self.tally.note(item.line, item.refused)

    def counts(self) -> dict[str, int]:
        """Rows by verdict, and statements."""
        return {"accepted": self.accepted, "rejected": self.rejected, "statements": self.statements}


def try_files(files: Sequence[Path], open_one: Open, *, as_json: bool, name_of: Callable[[Path], str] = str) -> int:
    """Print the verdict of every row and a table of reasons; returns the exit code that the import would have.

    `name_of` is what a file is called for people, where its path is our own.
    """
    show = _show_json if as_json else _show_text
    return show(files, open_one, name_of)


def _show_text(files: Sequence[Path], open_one: Open, name_of: Callable[[Path], str]) -> int:
    unreadable = rejected = 0
    for path in files:
        name = name_of(path)
        foretold = Foretold(name)
        try:
            opened = open_one(path)
        except FileUnreadable as error:
            said.print(f"cannot be read: {error}", style="red", highlight=False)
            unreadable += 1
            continue
        for item in opened.items():
            foretold.note(item)
            print(f"{name}:{item.line}: {item.key or '-'}: {_in_words(item)}")
        rows = f"{foretold.accepted} {'row' if foretold.accepted == 1 else 'rows'} would be accepted ({foretold.statements} statements)"
        print(f"{name}: {rows}, {foretold.rejected} rejected; nothing was sent")
        if foretold.rejected:
            results().print(_table(name, foretold.tally.reasons()))
        rejected += foretold.rejected
    return _exit_code(unreadable, rejected)


def _show_json(files: Sequence[Path], open_one: Open, name_of: Callable[[Path], str]) -> int:
    """One document, written row by row: a sheet of 200,000 rows is never held."""
    total, unreadable = {"accepted": 0, "rejected": 0, "statements": 0}, list[str]()
    print('{"dry_run": true,\n "files": [', end="")
    comma = ""
    for path in files:
        try:
            opened = open_one(path)
        except FileUnreadable as error:
            unreadable.append(str(error))
            continue
        foretold = Foretold(name_of(path))
        print(f'{comma}\n  {{"file": {_json(foretold.file)},\n   "rows": [', end="")
        for before, item in _with_commas(opened.items()):
            foretold.note(item)
            print(f"{before}\n    {_json(_as_json(item))}", end="")
        reasons = [asdict(reason) for reason in foretold.tally.reasons()]
        print(f'],\n   "reasons": {_json(reasons)},\n   {_json(foretold.counts())[1:]}', end="")
        total = {name: count + foretold.counts()[name] for name, count in total.items()}
        comma = ","
    print(f'],\n "unreadable": {_json(unreadable)},\n {_json(total)[1:]}')
    return _exit_code(len(unreadable), total["rejected"])


def _exit_code(unreadable: int, rejected: int) -> int:
    return 2 if unreadable else 3 if rejected else 0


def _with_commas(items: Iterator[Item]) -> Iterator[tuple[str, Item]]:
    for number, item in enumerate(items):
        yield "," if number else "", item


def _as_json(item: Item) -> dict[str, Any]:
    row = {"line": item.line, "code": item.key, "status": "accepted" if item.refused is None else "rejected"}
    if item.refused is not None:
        refused = item.refused
        return {**row, "field": refused.field, "reason": refused.reason, "advice": refused.advice}
    found = {"findings": [{"code": one, "text": FINDING[one]} for one in item.findings]} if item.findings else {}
    return {**row, **found, "says": [{"kind": str(one.kind), "time": one.time.isoformat()} for one in item.statements]}


def _in_words(item: Item) -> str:
    if item.refused is not None:
        advice = f" ({item.refused.advice})" if item.refused.advice else ""
        return f"rejected: {item.refused.field}: {item.refused.reason}{advice}"
    steps = (f"{one.kind} {one.time.astimezone(LOCAL):%d/%m/%Y %H:%M}" for one in item.statements)
    found = "".join(f"; finding {one}: {FINDING[one]}" for one in item.findings)
    return "accepted: " + ", ".join(steps) + found


def _table(file: str, reasons: Sequence[Reason]) -> Table:
    table = Table(
        "rows",
        "field",
        "reason",
        "for example",
        "what to do",
        "first lines",
        title=f"{file}: why not",
        title_justify="left",
    )
    for one in reasons:
        lines = ", ".join(map(str, one.lines)) + (" …" if one.rows > len(one.lines) else "")
        table.add_row(str(one.rows), one.field, one.reason, ", ".join(one.examples), one.advice, lines)
    return table


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
