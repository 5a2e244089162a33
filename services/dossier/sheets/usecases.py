"""Takes a sheet row by row: what is good goes through the doors, what is not is kept in DEAD, each row is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.dossier.doors import Doors
from services.dossier.files import Item, OpenedFile, Tally, unit_of
from services.dossier.scorecard.usecases import CountRejections, Rejection
from shared.dead_letters import DeadLetters
from shared.events.statements import Refused
from shared.parties import Party
from shared.topology import BATCH

ACCEPTED, DUPLICATE, REJECTED = "accepted", "duplicate", "rejected"
IN_FLIGHT = 4
"""Batches on their way at once: the journal works on one while the next are read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one row."""

    line: int
    code: str
    status: str
    refused: Refused | None = None


@dataclass
class Verdicts:
    """What became of a sheet: all rows counted, at most `limit` of them listed, the rejected ones before all others."""

    limit: int
    rows: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    _rejected: list[Verdict] = field(default_factory=list)
    _taken: list[Verdict] = field(default_factory=list)

    def note(self, verdict: Verdict) -> None:
        """Count one row, and list it while there is room."""
        self.rows[verdict.status] += 1
        if verdict.refused is not None:
            self.tally.note(verdict.line, verdict.refused)
        listed = self._rejected if verdict.status == REJECTED else self._taken
        if len(listed) < self.limit:
            listed.append(verdict)

    def listed(self) -> list[Verdict]:
        """The listed rows by line."""
        room = self.limit - len(self._rejected)
        return sorted([*self._rejected, *self._taken[:room]], key=lambda verdict: verdict.line)

    def left_out(self) -> dict[str, int]:
        """How many rows of each status are counted and not listed."""
        listed = Counter(verdict.status for verdict in self.listed())
        return {status: count - listed[status] for status, count in self.rows.items() if count > listed[status]}


class TakeSheet:
    """Hand in one sheet for one party."""

    def __init__(
        self,
        doors: Doors,
        hear: Callable[[dict[str, datetime]], Awaitable[None]],
        dead_letters: DeadLetters,
        count: CountRejections,
    ) -> None:
        self._doors, self._hear, self._dead_letters, self._count = doors, hear, dead_letters, count

    async def __call__(self, sheet: OpenedFile, *, party: Party, name: str, dry_run: bool, limit: int) -> Verdicts:
        """Judge every row; with `dry_run` nothing is sent, kept or heard. Raises `NoReceipt` when the journal is silent.

        What was said before that stays said: the same sheet again gives duplicates.
        """
        verdicts = Verdicts(limit)
        batches = _batches(sheet.items(), party)
        async with asyncio.TaskGroup() as flying:
            slots = asyncio.Semaphore(IN_FLIGHT)
            # rows are read in a thread: reading costs processor time that other requests wait for
            while batch := await asyncio.to_thread(next, batches, None):
                if dry_run:
                    _foretell(batch, verdicts)
                    continue
                await slots.acquire()
                task = flying.create_task(self._say(batch, party, name, verdicts))
                task.add_done_callback(lambda _: slots.release())
        if not dry_run:
            await self._hear(_own(sheet, party))
        return verdicts

    async def _say(self, batch: Sequence[Item], party: Party, name: str, verdicts: Verdicts) -> None:
        dead = [
            (f"sheet {party.name} {name}:{item.line}", item.raw, item.refused)
            for item in batch
            if item.refused is not None
        ]
        if dead:
            await self._dead_letters.keep_all(dead)
        statements = [statement for item in batch for statement in item.statements]
        receipts = iter(await self._doors.receipts(statements, "file"))
        if dead:  # behind the receipts: the first sheet's own rows make its source known
            refused = Counter((item.source, item.refused.field) for item in batch if item.refused is not None)
            await self._count([rejection(*key, count, party) for key, count in refused.items()])
        for item in batch:
            if item.refused is not None:
                verdicts.note(Verdict(item.line, item.key, REJECTED, item.refused))
                continue
            of_row = [next(receipts) for _ in item.statements]
            verdicts.statements.update(receipt["status"] for receipt in of_row)
            verdicts.note(_verdict(item, of_row))


def rejection(source: str, field: str, count: int, party: Party) -> Rejection:
    """What a party's file held that was refused; a sheet of its own unit has a card before any row of it was taken."""
    unit = unit_of(source)
    sender = source if unit is not None and party.may_speak_for(unit) else party.name
    return Rejection(source=source, field=field, sender=sender, may_speak_for=party.may_speak_for, count=count)


def _verdict(item: Item, receipts: Sequence[dict[str, str]]) -> Verdict:
    """A row is accepted when anything of it was new, and rejected when anything of it was."""
    for receipt in receipts:
        if receipt["status"] == REJECTED:
            refused = Refused(receipt.get("field", ""), receipt.get("reason", ""), receipt.get("advice", ""))
            return Verdict(item.line, item.key, REJECTED, refused)
    new = any(receipt["status"] == ACCEPTED for receipt in receipts)
    return Verdict(item.line, item.key, ACCEPTED if new else DUPLICATE)


def _foretell(batch: Sequence[Item], verdicts: Verdicts) -> None:
    for item in batch:
        status = ACCEPTED if item.refused is None else REJECTED
        verdicts.statements[ACCEPTED] += len(item.statements)
        verdicts.note(Verdict(item.line, item.key, status, item.refused))


def _batches(items: Iterator[Item], party: Party) -> Iterator[list[Item]]:
    """Rows in batches that fit one atomic publish; rows of units that are not the party's are refused."""
    batch, size = list[Item](), 0
    for item in items:
        if item.statements and not party.may_speak_for(unit := item.statements[0].unit):
            reason = f"this token may not speak for unit {unit}"
            refused = Refused("unit", reason, "use the unit's own token")
            item = Item(line=item.line, refused=refused, raw=item.key.encode(), key=item.key)
        if size + len(item.statements) > BATCH or len(batch) >= BATCH:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.statements)
    if batch:
        yield batch


def _own(sheet: OpenedFile, party: Party) -> dict[str, datetime]:
    """How far the sheet's sources were heard, for the party's own units."""
    return {
        source: instant for source, instant in sheet.sources().items() if party.may_speak_for(source.rpartition("/")[2])
    }
