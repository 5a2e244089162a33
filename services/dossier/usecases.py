"""What the dossier service does: record statements in the journal, fold, say what changed; sweep for broken promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
import structlog

from services.dossier import repository
from services.dossier.domain import (
    OWN_SOURCE,
    fold,
    heard_up_to,
    in_order,
    is_running,
    overdue_from,
    told_by,
    was_overdue,
)
from services.dossier.metrics import DossierMetrics
from services.dossier.repository import Heard, Key, SourceRow, Stored, View
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.dossiers import DossierEvent, Snapshot, Stated, write_said, write_snapshot
from shared.events.envelope import Outgoing, encode_event
from shared.events.petitions import PetitionStatement
from shared.events.statements import Statement
from shared.localtime import end_of_day, local_date, start_of_day
from shared.topology import BATCH, DOSSIER, dossier_subject
from shared.workdays import Calendar

log = structlog.get_logger()

Follow = Callable[["Session[Any]", Sequence[Snapshot]], Awaitable[None]]
"""What else has to be kept of these dossiers, in the same transaction."""


async def _keep_nothing(_: Session[Any], __: Sequence[Snapshot]) -> None:
    """For a service without followers."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The receipt of one statement."""

    heard: Heard
    status: str


class Petitions(Protocol):
    """Folds the petitions that a batch speaks of."""

    async def __call__(
        self, session: Session[Any], fresh: Sequence[PetitionStatement], now: datetime
    ) -> list[Outgoing]:
        """With the transaction that records them; returns what is to be said."""


class Tally(Protocol):
    """Counts verdicts by source."""

    async def store(self, session: Session[Any], verdicts: Sequence[Verdict], now: datetime) -> None:
        """With the transaction that records them."""

    def show(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """After its commit."""


class RecordStatements:
    """Journal, fold and outbox of one batch in one transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        metrics: DossierMetrics,
        poke: Callable[[], None],
        changed: Callable[[Iterable[Key]], None],
        petitions: Petitions,
        follow: Follow,
        tally: Tally,
    ) -> None:
        self._database, self._clock, self._metrics, self._poke = database, clock, metrics, poke
        self._changed, self._petitions, self._follow, self._tally = changed, petitions, follow, tally

    async def __call__(self, batch: Sequence[Heard]) -> list[Verdict]:
        """Record statements; each is `accepted` or `duplicate`, and the receipt is worth its word: it is committed."""
        unique = {(one.statement.source, one.statement.id): one for one in reversed(batch)}
        now = self._clock.now()
        with self._metrics.batch_seconds.time():
            async with self._database.transaction() as session:
                added = await repository.add_to_journal(session, list(unique.values()), now)
                known = await repository.list_sequences(session, [key for key in unique if key not in added])
                fresh = [one.statement for key, one in unique.items() if key in added]
                dossiers = [one for one in fresh if isinstance(one, Statement)]
                events = await self._fold(session, dossiers, now)
                events += await self._petitions(
                    session, [one for one in fresh if isinstance(one, PetitionStatement)], now
                )
                verdicts = [_verdict(one, unique, added, known) for one in batch]
                await self._tally.store(session, verdicts, now)
                centre = [one for one in batch if one.statement.source != OWN_SOURCE]
                await repository.hear_sources(session, centre, now)
                await outbox.add(session, events)
        self._poke()
        self._count(events)
        self._changed((one.unit, one.dossier) for one in dossiers)
        self._tally.show(verdicts, now)
        for (unit, status), count in Counter((one.heard.statement.unit, one.status) for one in verdicts).items():
            self._metrics.statements.labels(unit, status).inc(count)
        return verdicts

    async def _fold(self, session: Session[Any], fresh: Sequence[Statement], now: datetime) -> list[Outgoing]:
        by_dossier: dict[Key, list[Statement]] = defaultdict(list)
        for one in fresh:
            by_dossier[one.unit, one.dossier].append(one)
        if not by_dossier:
            return []
        stored = await repository.lock_dossiers(session, by_dossier)
        # a row that nobody wrote before has no other statements: whoever adds some holds its lock until commit
        older = await repository.list_statements(session, [key for key, row in stored.items() if row.revision > 0])
        snapshots, rows, events = list[Snapshot](), list[dict[str, Any]](), list[Outgoing]()
        for key, row in stored.items():
            snapshot, row_, said = refold(row, older.get(key) or by_dossier[key], by_dossier[key], now)
            snapshots.append(snapshot)
            rows.append(row_)
            events.extend(said)
        await repository.save_dossiers(session, rows)
        await self._follow(session, snapshots)
        return events

    def _count(self, events: Sequence[Outgoing]) -> None:
        for subject, count in Counter(event.subject for event in events).items():
            about, _, unit, name = subject.split(".")
            counter = self._metrics.petition_events if about == "petition" else self._metrics.events
            counter.labels(unit, name).inc(count)


def _verdict(one: Heard, unique: dict[Any, Heard], added: set[Any], known: dict[Any, int]) -> Verdict:
    key = (one.statement.source, one.statement.id)
    # redelivered after a crash between commit and receipt: the journal knows it under this very bus number
    same = unique[key] is one if key in added else known.get(key) == one.sequence and one.sequence > 0
    return Verdict(heard=one, status="accepted" if same else "duplicate")


def refold(
    row: Stored, statements: Sequence[Statement], fresh: Sequence[Statement], now: datetime
) -> tuple[Snapshot, dict[str, Any], list[Outgoing]]:
    """The dossier as it is now, its row, and the events that its `fresh` statements cause, each under its own correlation."""
    folded, newest = fold(statements), fresh[-1]
    snapshot = Snapshot(
        unit=row.unit,
        dossier=row.code,
        revision=len(statements),
        source=_judged_by(row, fresh),
        recorded_at=now,
        state=folded.state,
        timeline=list(folded.timeline),
        findings=list(folded.findings),
        stated=[Stated(kind=one.kind, at=one.time, source=one.source, id=one.id) for one in in_order(fresh)],
    )
    written, correlation = write_snapshot(snapshot), newest.correlation or newest.id
    caused = {one.time: one.correlation or one.id for one in fresh}
    events = [
        event_of(snapshot, written, event, at=at, changed=changed, correlation=caused.get(at, correlation))
        for event, at, changed in told_by(row.snapshot, snapshot)
    ]
    said_for = row.overdue_said_for
    if said_for is not None and not was_overdue(folded.timeline, said_for):
        at, changed = overdue_from(said_for), {"due_at": said_for}
        events.append(
            event_of(snapshot, written, DossierEvent.OVERDUE_WITHDRAWN, at=at, changed=changed, correlation=correlation)
        )
        said_for = None
    kept = {
        "unit": row.unit,
        "code": row.code,
        "revision": snapshot.revision,
        "source": snapshot.source,
        "due_at": folded.state.due_at,
        "is_running": is_running(folded.state),
        "overdue_said_for": said_for,
        "correlation": correlation,
        "snapshot": written,
    }
    return snapshot, kept, events


def _judged_by(row: Stored, fresh: Sequence[Statement]) -> str:
    """The source whose silence or backlog delays the judgement: never ourselves, who say nothing of the dossier's work."""
    centre = [one.source for one in fresh if one.source != OWN_SOURCE]
    if not centre and row.snapshot is not None:
        return row.snapshot.source
    return centre[-1] if centre else OWN_SOURCE


def event_of(
    snapshot: Snapshot,
    written: msgspec.Raw,
    event: DossierEvent,
    *,
    at: datetime,
    changed: dict[str, Any],
    correlation: str,
) -> Outgoing:
    """One event about a dossier; its id is the same whenever the same thing is said again."""
    event_id = f"{snapshot.unit}/{snapshot.dossier}/{event}/{at.timestamp():.3f}/{snapshot.revision}"
    return Outgoing(
        stream=DOSSIER,
        subject=dossier_subject(snapshot.unit, event),
        id=event_id,
        body=encode_event(
            type=f"vn.motcua.dossier.{event}.v1",
            id=event_id,
            source=f"/motcua/dossier/{snapshot.unit}",
            subject=snapshot.dossier,
            time=at,
            data=write_said(written, changed),
            correlation=correlation,
        ),
    )


class Sweep:
    """Says `due_soon` and `overdue`, each once per dossier and promise, as far as the source itself was heard.

    `waiting` answers how many statements still wait on the bus: while there are any, a live source is heard only up to
    its newest statement, so a backlog or an outage makes nobody late.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendar: Calendar,
        metrics: DossierMetrics,
        poke: Callable[[], None],
        waiting: Callable[[], Awaitable[int]],
        *,
        silent_after: timedelta,
        due_soon_days: int,
        overdue: Follow = _keep_nothing,
    ) -> None:
        self._database, self._clock, self._calendar, self._metrics = database, clock, calendar, metrics
        self._poke, self._waiting, self._overdue = poke, waiting, overdue
        self._silent_after, self._due_soon_days = silent_after, due_soon_days

    async def __call__(self) -> int:
        """Judge every source once; returns how many events were said."""
        now, said = self._clock.now(), 0
        for source, horizon in (await self.horizons()).items():
            if horizon is None:
                continue
            self._metrics.heard_lag.labels(source).set(max(0.0, (now - horizon).total_seconds()))
            said += await self._judge(source, horizon, self._view(horizon, now))
        return said

    async def horizons(self) -> dict[str, datetime | None]:
        """How far each source has been heard by now; `None` while its file is still coming in."""
        now, backlog = self._clock.now(), await self._waiting() > 0
        async with self._database.transaction() as session:
            sources = await repository.list_sources(session)
        return {one.name: self.heard(one, now, backlog=backlog) for one in sources}

    async def left(self) -> int:
        """Dossiers that the next look will speak of; none means that everything heard so far has been judged."""
        now, count = self._clock.now(), 0
        horizons = await self.horizons()
        async with self._database.transaction() as session:
            for source, horizon in horizons.items():
                if horizon is not None:
                    count += await repository.count_unsaid(session, source, self._view(horizon, now))
        return count

    def _view(self, horizon: datetime, now: datetime) -> View:
        """What is judged at this horizon; a promise that is past by now is no longer near, however far was heard."""
        today = local_date(horizon)
        return View(
            today=start_of_day(today),
            near_from=start_of_day(local_date(now)),
            near_until=end_of_day(self._calendar.add_working_days(today, self._due_soon_days)),
        )

    def heard(self, source: SourceRow, now: datetime, *, backlog: bool) -> datetime | None:
        """How far this source has been heard; silence is measured in working time, for no centre speaks at night."""
        quiet = self._calendar.working_minutes_between(source.last_recorded_at, now)
        return heard_up_to(
            now=now,
            newest=source.newest_at,
            backlog=backlog,
            silent=quiet > self._silent_after.total_seconds() / 60,
            live=source.is_live,
            as_of=source.as_of,
        )

    async def _judge(self, source: str, horizon: datetime, view: View) -> int:
        said, more = 0, True
        while more:
            async with self._database.transaction() as session:
                late = await repository.claim_overdue(session, source, view, BATCH)
                near = await repository.claim_due_soon(session, source, view, BATCH)
                await self._say(session, DossierEvent.OVERDUE, "overdue_said_for", late, horizon)
                await self._overdue(session, [row.snapshot for row in late if row.snapshot is not None])
                await self._say(session, DossierEvent.DUE_SOON, "due_soon_said_for", near, horizon)
            said += len(late) + len(near)
            more = max(len(late), len(near)) == BATCH
        if said:
            self._poke()
        return said

    async def _say(
        self, session: Session[Any], event: DossierEvent, column: str, dossiers: Sequence[Stored], heard: datetime
    ) -> None:
        if not dossiers:
            return
        events = list[Outgoing]()
        for row in dossiers:
            assert row.snapshot is not None
            assert row.snapshot.state.due_at is not None
            due_at = row.snapshot.state.due_at
            at = overdue_from(due_at) if event is DossierEvent.OVERDUE else heard
            written, changed = write_snapshot(row.snapshot), {"due_at": due_at}
            events.append(event_of(row.snapshot, written, event, at=at, changed=changed, correlation=row.correlation))
            self._metrics.events.labels(row.unit, event.value).inc()
        await outbox.add(session, events)
        await repository.note_said(session, column, dossiers)
        correlations = [row.correlation for row in dossiers]
        log.info("promises_judged", said=event.value, count=len(events), correlations=correlations)


class HearFile:
    """Note that files were heard to their end: their dossiers may be judged up to the files' `as_of`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def __call__(self, heard: dict[str, datetime]) -> None:
        """Set how far each source was heard; never beyond now, never back."""
        async with self._database.transaction() as session:
            for name in sorted(heard):
                await repository.set_as_of(session, name, min(heard[name], self._clock.now()))


class ListFindings:
    """What is to be looked at in a unit: dossiers with something unusual about them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, unit: str, finding: str | None, after: str, limit: int) -> list[Snapshot]:
        """Dossiers with findings (with this one, when given) behind the code `after`, `limit` at most."""
        async with self._database.transaction() as session:
            return await repository.list_with_findings(session, unit, finding, after, limit)
