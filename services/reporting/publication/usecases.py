"""Publish what is closed, take acknowledgements, say which are overdue; each step may be repeated after a crash."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from services.reporting import repository as reports
from services.reporting.metrics import ReportingMetrics
from services.reporting.publication import repository
from services.reporting.publication.domain import Heard, PublicationRules, Verdict, judge, object_name
from services.reporting.publication.repository import Key, key_of
from services.reporting.publication.store import FileStore
from services.reporting.usecases.closing import said, stem
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.envelope import Outgoing, encode_event
from shared.events.reports import (
    Acknowledgement,
    AcknowledgementAccepted,
    AcknowledgementOverdue,
    AcknowledgementRefused,
    ReportEvent,
)
from shared.events.said import event_type
from shared.localtime import LOCAL, local_date
from shared.topology import REPORT, report_subject
from shared.workdays import Calendar

log = structlog.get_logger()


class PublishReports:
    """Puts the files of closed reports into the bucket and only then says `published` or `restated`.

    A version waits from the transaction that closed it until the one that says it. A crash in between stores the same
    files under the same names again, which changes nothing, and says the event once: its id is the version's.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendar: Calendar,
        rules: PublicationRules,
        store: FileStore,
        metrics: ReportingMetrics,
        poke_relay: Callable[[], None],
        *,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database, self._clock, self._calendar, self._rules, self._store = database, clock, calendar, rules, store
        self._metrics, self._poke_relay, self._idle = metrics, poke_relay, idle_seconds
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """A report was closed or restated: look now instead of at the next tick."""
        self._poked.set()
        self._poke_relay()

    async def run(self) -> None:
        """Publish until cancelled; what fails is logged, counted and tried again with a growing pause."""
        failures = 0
        while True:
            self._poked.clear()
            failures = failures + 1 if await self() else 0
            try:
                async with asyncio.timeout(min(30.0, self._idle * 2 ** min(failures, 5))):
                    await self._poked.wait()
            except TimeoutError:
                continue

    async def backlog(self) -> int:
        """Versions that still have to be published."""
        async with self._database.transaction() as session:
            return len(await repository.list_waiting(session))

    async def __call__(self) -> int:
        """Publish what waits, each version alone: one that fails holds up its own successors only. Returns failures."""
        async with self._database.transaction() as session:
            waiting = await repository.list_waiting(session)
        failures = 0
        for key in waiting:
            try:
                await self._publish(key)
            except Exception as error:
                failures += 1
                self._metrics.publication_failures.inc()
                log.warning("report_not_published", report=key, reason=str(error) or type(error).__name__)
        return failures

    async def _publish(self, key: Key) -> None:
        unit, form, _, version = key
        async with self._database.transaction() as session:
            event = await repository.take_waiting(session, key)
            if event is None:
                return
            report = await reports.find_report(session, *key)
            assert report is not None  # the publication was added with it
            await self._store_files(session, report)
            now = self._clock.now()
            days, today = self._rules.within(form, local_date(now)), local_date(now)
            due = None if days is None else self._calendar.for_unit(unit).add_working_days(today, days)
            await outbox.add(session, [said(ReportEvent(event), report)])
            await repository.note_stored(session, key, now, due)
        self._poke_relay()
        self._metrics.published.labels(unit, form).inc()
        log.info("report_published", unit=unit, form=form, version=version, acknowledge_by=due and due.isoformat())

    async def _store_files(self, session: Session[Any], report: dict[str, Any]) -> None:
        document = {"name": f"{stem(report)}.json", "media_type": "application/json", "content": report["document"]}
        for one in (*await repository.list_files(session, key_of(report)), document):
            await self._store.put(object_name(report, one["name"]), one["content"], one["media_type"])


class RemindOfAcknowledgements:
    """Says once of a published version that its acknowledgement is overdue; only when all that was said has been read."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        heard_all: Callable[[], Awaitable[bool]],
        poke: Callable[[], None],
        *,
        idle_seconds: float = 1.0,
    ) -> None:
        self._database, self._clock, self._heard_all, self._poke = database, clock, heard_all, poke
        self._idle = idle_seconds

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self()
            await asyncio.sleep(self._idle)

    async def __call__(self) -> int:
        """Say what is overdue now; returns how many."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            overdue = await repository.take_overdue(session, local_date(now))
            # one that was said in time may still lie unread on the stream, after a night without us
            if not overdue or not await self._heard_all():
                return 0
            await outbox.add(session, [_overdue(one, now) for one in overdue])
            await repository.note_overdue(session, [key_of(one) for one in overdue], now)
        self._poke()
        log.warning("acknowledgements_overdue", reports=[key_of(one) for one in overdue])
        return len(overdue)


class TakeAcknowledgements:
    """Judges one batch of acknowledgements and says each verdict, in one transaction; a repetition says nothing."""

    def __init__(self, database: Database, clock: Clock, metrics: ReportingMetrics, poke: Callable[[], None]) -> None:
        self._database, self._clock, self._metrics, self._poke = database, clock, metrics, poke

    async def __call__(self, heard: Sequence[Heard]) -> None:
        """Accept the first acknowledgement of each newest version; refuse the others with a reason."""
        now, verdicts = self._clock.now(), list[tuple[str, Verdict]]()
        async with self._database.transaction() as session:
            for one in heard:
                verdicts.append((one.unit, await self._take(session, one, now)))
        for unit, verdict in verdicts:
            self._metrics.acknowledgements.labels(unit, verdict).inc()
        self._poke()

    async def _take(self, session: Session[Any], heard: Heard, now: datetime) -> Verdict:
        says = heard.says
        versions = await repository.lock_versions(session, says.unit, says.form, says.period) if says else []
        verdict, reason = judge(heard, versions)
        if verdict is Verdict.REFUSED:
            newest = max((one.version for one in versions), default=None)
            await outbox.add(session, [_refused(heard, reason, newest, now)])
            log.warning("acknowledgement_refused", unit=heard.unit, reason=reason)
        elif verdict is Verdict.ACCEPTED:
            assert says is not None  # what cannot be read is refused
            assert heard.at is not None
            key = (says.unit, says.form, says.period, says.version)
            late = await repository.note_acknowledged(session, key, now, heard.at, heard.by)
            await outbox.add(session, [_accepted(says, heard.by, heard.at, now, late=late)])
            log.info("report_acknowledged", unit=says.unit, report=says.report, version=says.version, late=late)
        return verdict


class ShowPublications:
    """What became of each closed version."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, units: Sequence[str]) -> list[dict[str, Any]]:
        """Of these units, or of all when none is named."""
        async with self._database.transaction() as session:
            return await repository.list_publications(session, units or None)


def _accepted(says: Acknowledgement, by: str, at: datetime, now: datetime, *, late: bool) -> Outgoing:
    data = AcknowledgementAccepted(
        report=says.report, form=says.form, unit=says.unit, period=says.period, version=says.version,
        fingerprint=says.fingerprint, by=by, at=at, late=late,
    )  # fmt: skip
    of = f"report/{says.unit}/{says.report}/{says.version}"
    return _event(ReportEvent.ACKNOWLEDGEMENT_ACCEPTED, data, of, now)


def _refused(heard: Heard, reason: str, newest: int | None, now: datetime) -> Outgoing:
    says = heard.says
    data = AcknowledgementRefused(
        report=says.report if says else "", form=says.form if says else "", unit=heard.unit,
        period=says.period if says else "", version=says.version if says else None,
        newest=newest, reason=reason, acknowledgement=heard.key.partition("\n")[2],
    )  # fmt: skip
    mark = hashlib.sha256(f"{heard.key}\n{reason}".encode()).hexdigest()[:32]
    return _event(ReportEvent.ACKNOWLEDGEMENT_REFUSED, data, f"report/{heard.unit}/{mark}", now)


def _overdue(publication: dict[str, Any], now: datetime) -> Outgoing:
    unit, form, period, version = key_of(publication)
    data = AcknowledgementOverdue(
        report=f"{form}/{period}", form=form, unit=unit, period=period, version=version,
        fingerprint=publication["fingerprint"], due=publication["acknowledge_by"],
    )  # fmt: skip
    return _event(ReportEvent.ACKNOWLEDGEMENT_OVERDUE, data, f"report/{unit}/{form}/{period}/{version}", now)


def _event(
    event: ReportEvent,
    data: AcknowledgementAccepted | AcknowledgementRefused | AcknowledgementOverdue,
    of: str,
    now: datetime,
) -> Outgoing:
    event_id = f"{of}/{event}"
    return Outgoing(
        stream=REPORT,
        subject=report_subject(data.unit, event),
        id=event_id,
        body=encode_event(
            type=event_type(f"report.{event}"), id=event_id, source=f"/motcua/reporting/{data.unit}",
            subject=data.report, time=now.astimezone(LOCAL), data=data,
        ),
    )  # fmt: skip
