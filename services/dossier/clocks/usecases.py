"""Keeps the clocks of dossiers: after each change of a dossier, and of open ones after each change of the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

import structlog

from services.dossier.clocks import repository
from services.dossier.clocks.book import ClockBook, Content, changes
from services.dossier.clocks.domain import measure
from services.dossier.clocks.repository import Behind, Change, Measured, StoredClocks
from services.dossier.clocks.shelf import BookShelf
from services.dossier.repository import Key
from shared.clock import Clock
from shared.database import Database, Session

log = structlog.get_logger()

BATCH = 200
MOST_NOTED = 20_000
"""Keys kept in memory; beyond them the database is asked what is not measured."""
PATIENCE = 30.0
"""Seconds for which measuring waits for a pause in what comes in; then it goes on beside it."""
BESIDE = 3.0
"""Rest after a batch, in times its length, while others need the processor: an import must not wait for clocks."""
STATEMENT = "statement"


class KeepClocks:
    """Measures what changed, some seconds behind the journal, so that recording never waits for it.

    What changed is noted in memory after the commit; what a crash or another process leaves unmeasured is found when
    the service starts, by comparing revisions.
    """

    def __init__(self, database: Database, clock: Clock, shelf: BookShelf) -> None:
        self._database, self._clock, self._shelf = database, clock, shelf
        self._noted = dict[Key, None]()
        self._heard = 0
        self._unmeasured_after: Key | None = ("", "")
        self._book_is_new = True
        self._old_books = dict[str, Content]()

    def note(self, keys: Iterable[Key]) -> None:
        """These dossiers have a new revision; called after the commit."""
        self._heard += 1
        self._noted.update(dict.fromkeys(keys))
        if len(self._noted) > MOST_NOTED:
            self._noted.clear()
            self._unmeasured_after = ("", "")

    async def __call__(self) -> int:
        """Measure one batch of each kind; returns how many dossiers were measured."""
        # reading the holidays takes a moment: not in the loop that also journals
        if await asyncio.to_thread(self._shelf.refresh):
            self._book_is_new = True
        book = self._shelf.book
        done = await self._measure_noted(book)
        return done + await self._catch_up(book) + await self._follow_rules(book)

    async def run(self, seconds: float) -> None:
        """For ever: measure until nothing is left, then wait for a quiet moment of at least `seconds`."""
        while True:
            await self._drain()
            await self._wait_for_quiet(seconds)

    async def _drain(self) -> None:
        """Measure batch after batch, with rests while statements come in."""
        while True:
            heard, began = self._heard, monotonic()
            if not await self():
                return
            await asyncio.sleep(BESIDE * (monotonic() - began) if self._heard != heard else 0.0)

    async def _wait_for_quiet(self, seconds: float) -> None:
        """Let a burst pass: its dossiers are then measured once each; under a steady stream patience ends."""
        patient_until, heard = monotonic() + PATIENCE, -1
        while heard != self._heard and (heard < 0 or monotonic() < patient_until):
            heard = self._heard
            await asyncio.sleep(seconds)

    async def _measure_noted(self, book: ClockBook) -> int:
        noted = list(self._noted)[:BATCH]
        for key in noted:  # before the reading: what changes meanwhile must be noted again, not taken for done
            del self._noted[key]
        try:
            return await self._measure(book, lambda session: repository.list_named(session, noted)) if noted else 0
        except BaseException:
            self.note(noted)
            raise

    async def _catch_up(self, book: ClockBook) -> int:
        after = self._unmeasured_after
        if after is None:
            return 0
        last = list[Key]()

        async def find(session: Session[Any]) -> list[Behind]:
            found = await repository.list_unmeasured(session, after, BATCH)
            last.extend(one.key for one in found[-1:])
            return found

        done = await self._measure(book, find)
        if self._unmeasured_after == after:  # an overflow meanwhile begins anew
            self._unmeasured_after = last[0] if last else None
        return done

    async def _follow_rules(self, book: ClockBook) -> int:
        if not self._book_is_new:
            return 0
        async with self._database.transaction() as session:
            await repository.keep_book(session, book.fingerprint, book.content, self._clock.now())
        done = await self._measure(
            book, lambda session: repository.list_by_other_book(session, book.fingerprint, BATCH)
        )
        self._book_is_new = done > 0
        return done

    async def _measure(self, book: ClockBook, find: Callable[[Session[Any]], Awaitable[Sequence[Behind]]]) -> int:
        async with self._database.transaction() as session:
            found = await find(session)
            measured = [await self._one(session, one, book) for one in found]
            if measured:
                await repository.save(session, measured, book.fingerprint, self._clock.now())
        self._tell(measured)
        return len(found)

    async def _one(self, session: Session[Any], one: Behind, book: ClockBook) -> Measured:
        clocks = measure(one.snapshot, book)
        by_rules = one.old_book is not None and one.old_book != book.fingerprint
        fresh = one.old_revision != one.snapshot.revision
        why = [STATEMENT] if fresh else []
        if by_rules and one.old_book:
            why.append(changes(await self._old_book(session, one.old_book), book.content))
        state = one.snapshot.state
        return Measured(
            unit=one.snapshot.unit,
            code=one.snapshot.dossier,
            revision=one.snapshot.revision,
            is_open=not state.is_finished and state.status != "refused",
            reason="; ".join(why) or STATEMENT,
            clocks=clocks,
            before=one.old_clocks if by_rules and one.old_clocks != clocks else None,
        )

    async def _old_book(self, session: Session[Any], fingerprint: str) -> Content:
        if fingerprint not in self._old_books:
            self._old_books[fingerprint] = await repository.find_book(session, fingerprint)
        return self._old_books[fingerprint]

    def _tell(self, measured: Sequence[Measured]) -> None:
        moved = [one for one in measured if one.before is not None]
        if moved:
            log.info("clocks_moved", count=len(moved), reasons=sorted({one.reason for one in moved}))


class ShowClocks:
    """Reads clocks; each answer with the instant at which it was given."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def of(self, unit: str, code: str) -> tuple[StoredClocks, list[Change], datetime] | None:
        """The clocks of one dossier and what moved them; `None` while it is unknown or not measured yet."""
        async with self._database.transaction() as session:
            found = await repository.find_clocks(session, unit, code)
            moved = await repository.list_changes(session, unit, code) if found else []
        return (found, moved, self._clock.now()) if found else None

    async def differing(self, unit: str, after: str, limit: int) -> list[StoredClocks]:
        """A page of the unit's dossiers whose promised date is not the computed one, after a code."""
        async with self._database.transaction() as session:
            return await repository.list_differing(session, unit, after, limit)
