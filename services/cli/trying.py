"""`motcua simulate --traps`: what real senders do wrong, sent to a running system, beside what it ought to answer."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from services.cli.client import Client, CommandFailed, results
from simulation.traps import Door, Step, Trap, all_traps


@dataclass(frozen=True, slots=True)
class Tried:
    """A trap, and what was answered to each of its steps."""

    trap: Trap
    answered: tuple[tuple[str, ...], ...]

    @property
    def as_expected(self) -> bool:
        """Whether every item of every step got the answer it ought to get."""
        return self.answered == tuple(step.expected for step in self.trap.steps)

    def as_json(self) -> dict[str, Any]:
        """Answers by step."""
        expected = [list(step.expected) for step in self.trap.steps]
        answered = [list(one) for one in self.answered]
        return {
            "trap": self.trap.name, "what": self.trap.what, "expected": expected, "answered": answered,
            "as_expected": self.as_expected,
        }  # fmt: skip


def chosen_traps(names: list[str], unit: str, now: datetime) -> list[Trap]:
    """Those traps, or every one for `all`; raises `CommandFailed` with the names there are."""
    traps = {trap.name: trap for trap in all_traps(unit, now)}
    if names == ["all"]:
        return list(traps.values())
    if unknown := [name for name in names if name not in traps]:
        raise CommandFailed(f"no trap is called {', '.join(unknown)}; there are: all, {', '.join(traps)}")
    return [traps[name] for name in names]


def try_traps(client: Client, traps: list[Trap], unit: str, *, as_json: bool) -> int:
    """Send each trap's steps in order and print what was answered; returns the exit code: 3 when one was answered otherwise."""
    tried = [Tried(trap, tuple(_answer(client, step, unit) for step in trap.steps)) for trap in traps]
    if as_json:
        print(json.dumps({"unit": unit, "traps": [one.as_json() for one in tried]}, ensure_ascii=False, indent=1))
    else:
        results().print(_table(tried))
        print(f"{sum(one.as_expected for one in tried)} of {len(tried)} answered as expected")
    return 0 if all(one.as_expected for one in tried) else 3


def write_traps(traps: list[Trap], folder: Path) -> None:
    """Every request as a file, and `manifest.json` with its door and the answer to expect, in the order of sending."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    for trap in traps:
        for number, step in enumerate(trap.steps, 1):
            name = f"{trap.name}-{number}.json"
            (folder / name).write_bytes(step.body)
            told = {"file": name, "door": step.door, "media_type": step.door.media_type, "expected": step.expected}
            manifest.append({"trap": trap.name, "what": trap.what, **told})
    (folder / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{folder}: {len(manifest)} requests of {len(traps)} traps, and manifest.json")


def _answer(client: Client, step: Step, unit: str) -> tuple[str, ...]:
    address = step.door if step.door is Door.RECORDS else f"{step.door}?unit={unit}"
    body = client.exchange(address, step.body, step.door.media_type)
    if step.door is Door.RECORDS:
        return tuple(_verdict(one, []) for one in body["items"])
    if body["error_code"] not in ("0", "1"):  # nothing of it was taken
        return (f"refused {body['error_code']}",)
    return tuple(_verdict(one, [found["code"] for found in one.get("findings", ())]) for one in body["result"])


def _verdict(item: dict[str, Any], findings: list[str]) -> str:
    if item["status"] == "rejected":
        return f"rejected: {item['field']}"
    return f"{item['status']} + {', '.join(sorted(findings))}" if findings else str(item["status"])


def _table(tried: list[Tried]) -> Table:
    table = Table("trap", "what the sender does", "expected", "answered", "", title="Traps", title_justify="left")
    for one in tried:
        expected = _in_words(tuple(step.expected for step in one.trap.steps))
        mark = "[green]✓[/]" if one.as_expected else "[red]✗[/]"
        table.add_row(one.trap.name, one.trap.what, expected, _in_words(one.answered), mark)
    return table


def _in_words(steps: tuple[tuple[str, ...], ...]) -> str:
    """Steps one below the other; equal answers of one step are counted."""
    lines = []
    for answers in steps:
        counts = Counter(answers)
        lines.append(" · ".join(f"{count} × {said}" if count > 1 else said for said, count in counts.items()) or "-")
    return "\n".join(lines)
