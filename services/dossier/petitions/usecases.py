"""What is done with petitions: fold them with the batch that speaks of them, sweep for broken deadlines, show one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from services.dossier.domain import overdue_from
from services.dossier.metrics import DossierMetrics
from services.dossier.petitions import repository
from services.dossier.petitions.domain import fold, running_due_at, told_by, was_overdue
from services.dossier.petitions.repository import Stored
from services.dossier.petitions.rules import Deadline, Terms
from services.dossier.repository import Key
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.envelope import Outgoing, encode_event
from shared.events.petition_snapshots import PetitionEvent, PetitionSaid, PetitionSnapshot
from shared.events.petitions import PetitionStatement
from shared.localtime import local_date, start_of_day
from shared.topology import BATCH, DOSSIER, petition_subject

log = structlog.get_logger()

Horizons = Callable[[], Awaitable[Mapping[str, datetime | None]]]
"""How far each source has been heard by now; `None` while its file is still coming in."""


class FoldPetitions:
    """The petitions' part of recording a batch: their states and their events, in the caller's transaction."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    async def __call__(
        self, session: Session[Any], fresh: Sequence[PetitionStatement], now: datetime
    ) -> list[Outgoing]:
        """Fold the petitions of statements that the journal has just taken; returns what is to be said."""
        of_petition: dict[Key, list[PetitionStatement]] = defaultdict(list)
        for one in fresh:
            of_petition[one.unit, one.petition].append(one)
        if not of_petition:
            return []
        stored = await repository.lock_petitions(session, of_petition)
        known = await repository.list_statements(session, list(stored))
        rows, events = list[dict[str, Any]](), list[Outgoing]()
        for key, row in stored.items():
            row_, said = refold(row, known[key], of_petition[key], self._terms, now)
            rows.append(row_)
            events.extend(said)
        await repository.save_petitions(session, rows)
        return events


def refold(
    row: Stored,
    statements: Sequence[PetitionStatement],
    fresh: Sequence[PetitionStatement],
    terms: Terms,
    now: datetime,
) -> tuple[dict[str, Any], list[Outgoing]]:
    """The petition's new row and the events that its `fresh` statements cause, each under its own statement's correlation."""
    folded, newest = fold(statements, terms), fresh[-1]
    snapshot = PetitionSnapshot(
        unit=row.unit,
        petition=row.code,
        revision=len(statements),
        source=newest.source,
        recorded_at=now,
        state=folded.state,
        timeline=list(folded.timeline),
        findings=list(folded.findings),
    )
    correlation = newest.correlation or newest.id
    caused = {one.time: one.correlation or one.id for one in fresh}
    events = [
        event_of(snapshot, event, at=at, changed=changed, correlation=caused.get(at, correlation))
        for event, at, changed in told_by(row.snapshot, snapshot)
    ]
    said_for = dict(row.said_for)
    for deadline, due_at in row.said_for.items():
        if due_at is not None and not was_overdue(folded.timeline, deadline, due_at):
            said_for[deadline] = None
            events.append(
                _about_deadline(snapshot, PetitionEvent.OVERDUE_WITHDRAWN, deadline, due_at, correlation=correlation)
            )
    return {
        "unit": row.unit,
        "code": row.code,
        "revision": snapshot.revision,
        "source": snapshot.source,
        "correlation": correlation,
        "snapshot": snapshot,
        **{f"{one}_due_at": running_due_at(folded.state, one) for one in Deadline},
        **{f"{one}_said_for": said_for.get(one) for one in Deadline},
    }, events


def event_of(
    snapshot: PetitionSnapshot,
    event: PetitionEvent,
    *,
    at: datetime,
    changed: dict[str, Any],
    correlation: str,
    about: str = "",
) -> Outgoing:
    """One event about a petition; its id is the same whenever the same thing is said again."""
    name = f"{event}-{about}" if about else event
    event_id = f"{snapshot.unit}/petition/{snapshot.petition}/{name}/{at.timestamp():.3f}/{snapshot.revision}"
    return Outgoing(
        stream=DOSSIER,
        subject=petition_subject(snapshot.unit, event),
        id=event_id,
        body=encode_event(
            type=f"vn.motcua.petition.{event}.v1",
            id=event_id,
            source=f"/motcua/dossier/{snapshot.unit}",
            subject=snapshot.petition,
            time=at,
            data=PetitionSaid(snapshot=snapshot, changed=changed),
            correlation=correlation,
        ),
    )


def _about_deadline(
    snapshot: PetitionSnapshot, event: PetitionEvent, deadline: Deadline, due_at: datetime, *, correlation: str
) -> Outgoing:
    changed = {f"{deadline}_due_at": due_at}
    return event_of(
        snapshot, event, at=overdue_from(due_at), changed=changed, correlation=correlation, about=deadline.value
    )


class SweepPetitions:
    """Says `overdue` once per petition and deadline, as far as the petition's source was heard."""

    def __init__(
        self, database: Database, clock: Clock, metrics: DossierMetrics, poke: Callable[[], None], horizons: Horizons
    ) -> None:
        self._database, self._clock, self._metrics = database, clock, metrics
        self._poke, self._horizons = poke, horizons

    async def __call__(self) -> int:
        """Judge every source once; returns how many events were said."""
        said = 0
        for source, horizon in (await self._horizons()).items():
            if horizon is not None:
                said += await self._judge(source, start_of_day(local_date(horizon)))
        return said

    async def left(self) -> int:
        """Petitions that the next look will speak of."""
        horizons, count = await self._horizons(), 0
        async with self._database.transaction() as session:
            for source, horizon in horizons.items():
                if horizon is not None:
                    before = start_of_day(local_date(horizon))
                    count += await repository.count_unsaid(session, source, before)
        return count

    async def _judge(self, source: str, before: datetime) -> int:
        said, more = 0, True
        while more:
            async with self._database.transaction() as session:
                late = await repository.claim_overdue(session, source, before, BATCH)
                said += await self._say(session, late, before)
            more = len(late) == BATCH
        if said:
            self._poke()
        return said

    async def _say(self, session: Session[Any], late: Sequence[Stored], before: datetime) -> int:
        events, said = list[Outgoing](), list[tuple[Stored, Deadline]]()
        for row in late:
            assert row.snapshot is not None
            for deadline in Deadline:
                due_at = running_due_at(row.snapshot.state, deadline)
                if due_at is None or due_at >= before or due_at == row.said_for[deadline]:
                    continue
                said.append((row, deadline))
                events.append(
                    _about_deadline(row.snapshot, PetitionEvent.OVERDUE, deadline, due_at, correlation=row.correlation)
                )
                self._metrics.petition_events.labels(row.unit, PetitionEvent.OVERDUE.value).inc()
        if events:
            await outbox.add(session, events)
            await repository.note_said(session, said)
            log.info("petitions_judged", count=len(events), correlations=[row.correlation for row, _ in said])
        return len(events)


class ShowPetition:
    """Reads one petition; with the instant at which the answer was given."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def __call__(self, unit: str, code: str) -> tuple[PetitionSnapshot, datetime] | None:
        """The petition as it stands; `None` for one that nobody spoke of."""
        async with self._database.transaction() as session:
            found = await repository.find_petition(session, unit, code)
        return (found, self._clock.now()) if found else None
