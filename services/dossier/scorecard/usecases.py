"""Counts what the journal does not keep, shows scorecards and sources, answers which ids arrived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import structlog

from services.dossier.repository import list_sources
from services.dossier.scorecard import repository
from services.dossier.scorecard.domain import (
    LONGEST_SERIES,
    Card,
    Count,
    Gaps,
    RangeTooLong,
    Said,
    What,
    between,
    longest_silence,
    quiet_minutes,
    tally,
)
from services.dossier.scorecard.metrics import SourceMetrics
from services.dossier.scorecard.repository import DayRow
from services.dossier.usecases import Verdict
from shared.clock import Clock
from shared.database import Database, Session
from shared.localtime import end_of_day, local_date, start_of_day
from shared.workdays import Calendar

log = structlog.get_logger()
EXAMPLES = 20


class SourceTally:
    """Counts each batch with the transaction that records it."""

    def __init__(self, metrics: SourceMetrics) -> None:
        self._metrics = metrics

    async def store(self, session: Session[Any], verdicts: Sequence[Verdict], now: datetime) -> None:
        """Before the sources' newest statements are moved: they tell what came out of order."""
        said = [
            Said(
                source=one.heard.statement.source,
                unit=one.heard.statement.unit,
                time=one.heard.statement.time,
                accepted=one.status == "accepted",
                is_live=one.heard.door != "file",
            )
            for one in verdicts
        ]
        newest = await repository.list_newest(session, (one.source for one in said))
        await repository.add_counts(session, tally(said, newest, now))

    def show(self, verdicts: Sequence[Verdict], now: datetime) -> None:
        """After the commit: the metrics of one batch."""
        counts = Counter((one.heard.statement.source, one.status) for one in verdicts)
        for (source, status), count in counts.items():
            self._metrics.statements.labels(self._metrics.label(source), status).inc(count)
        delays = {source: self._metrics.delay.labels(self._metrics.label(source)) for source, _ in counts}
        for one in verdicts:
            if one.status == "accepted":
                statement = one.heard.statement
                delays[statement.source].observe(max(0.0, (now - statement.time).total_seconds()))


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """What was refused, `count` times: the source it claims, the field at fault, and who handed it in for which units."""

    source: str
    field: str
    sender: str
    may_speak_for: Callable[[str], bool]
    count: int = 1


class CountRejections:
    """Counts what was refused under its source, if it is known and the sender may speak of it, else under the sender."""

    def __init__(self, database: Database, clock: Clock, metrics: SourceMetrics) -> None:
        self._database, self._clock, self._metrics = database, clock, metrics

    async def __call__(self, rejections: Sequence[Rejection]) -> None:
        """A count that cannot be stored is logged: the verdict and the dead letter are worth more."""
        try:
            async with self._database.transaction() as session:
                units = await repository.list_units(session, (one.source for one in rejections))
                day, counts, labels = local_date(self._clock.now()), Counter[Count](), Counter[str]()
                for one in rejections:
                    is_theirs = any(one.may_speak_for(unit) for unit in units.get(one.source, ()))
                    name = one.source if is_theirs else one.sender
                    counts[Count(name, day, What.REJECTED, one.field[:100])] += one.count
                    labels[self._metrics.label(name) if is_theirs else ""] += one.count
                await repository.add_counts(session, counts)
        except Exception as error:
            log.warning("rejections_not_counted", count=sum(one.count for one in rejections), reason=str(error))
            return
        for label, count in labels.items():
            self._metrics.statements.labels(label, "rejected").inc(count)


class ShowScorecards:
    """Scorecards by day of recording, from the journal and the counters."""

    def __init__(self, database: Database, clock: Clock, calendar: Calendar) -> None:
        self._database, self._clock, self._calendar = database, clock, calendar

    async def units_of(self, source: str) -> list[str]:
        """The units of which a source spoke, most first; empty for an unknown source."""
        async with self._database.transaction() as session:
            return (await repository.list_units(session, [source])).get(source, [])

    async def cards(self, source: str, begin: date, end: date) -> list[Card]:
        """A card for each day on which the source spoke, or on which the office worked since it first did."""
        async with self._database.transaction() as session:
            return await cards_of(session, source, begin, end, self._calendar, self._clock.now())


async def cards_of(
    session: Session[Any], source: str, begin: date, end: date, calendar: Calendar, now: datetime
) -> list[Card]:
    """The cards of a source's days, both included, oldest first; none lies in the future."""
    units = (await repository.list_units(session, [source])).get(source, [])
    own = calendar.for_unit(units[0]) if units else calendar
    first = await repository.find_first_day(session, source)
    end = min(end, local_date(now))
    counts = await repository.list_counts(session, begin, end, source)
    bounds = start_of_day(begin), end_of_day(end)
    rows = {row.day: row for row in await repository.list_days(session, source, *bounds)}
    moves = await repository.list_moves(session, source, *bounds)
    cards = list[Card]()
    for ordinal in range(begin.toordinal(), end.toordinal() + 1):
        day = date.fromordinal(ordinal)
        expected = first is not None and day >= first and own.is_working(day)
        if not expected and day not in rows and not any(one.day == day for one in counts):
            continue
        card = _counted(day, counts)
        if row := rows.get(day):
            id_gaps, code_gaps = await _gaps(session, source, day)
            card = replace(_journalled(card, row, moves.get(day, (0, 0))), id_gaps=id_gaps, code_gaps=code_gaps)
        heard = rows[day].heard if day in rows else []
        silence = longest_silence(day, heard, own, now) if expected else 0
        cards.append(replace(card, longest_silence=silence))
    return cards


def _counted(day: date, counts: dict[Count, int]) -> Card:
    of_day = {one: count for one, count in counts.items() if one.day == day}
    sums = {what: sum(count for one, count in of_day.items() if one.what is what) for what in What}
    fields = {one.detail: count for one, count in sorted(of_day.items()) if one.what is What.REJECTED}
    return Card(
        day=day,
        duplicate=sums[What.DUPLICATE],
        out_of_order=sums[What.OUT_OF_ORDER],
        rejected=sums[What.REJECTED],
        rejected_fields=fields,
    )


def _journalled(card: Card, row: DayRow, moves: tuple[int, int]) -> Card:
    return replace(
        card,
        accepted=row.accepted,
        delay_p50=row.delay_p50,
        delay_p95=row.delay_p95,
        received=row.received,
        missing_facts=row.missing_facts,
        reopened=moves[0],
        backward=moves[1],
        code_date_differs=row.code_date_differs,
    )


async def _gaps(session: Session[Any], source: str, day: date) -> tuple[Gaps, Gaps]:
    """Numbers of ids, and of dossier codes, that never came, on whatever day."""
    bounds, ids, codes = (start_of_day(day), end_of_day(day)), list[str](), list[str]()
    for series in await repository.list_id_series(session, source, *bounds):
        if series.is_running:
            due = series.ids()
            arrived = await repository.list_arrived(session, source, due, None)
            ids += [one for one in due if one not in arrived]
    for unit, series in await repository.list_code_series(session, source, *bounds):
        if series.is_running:
            due = series.ids()
            known = await repository.list_known_codes(session, unit, due)
            codes += [one for one in due if one not in known]
    return Gaps(missing=len(ids), examples=ids[:EXAMPLES]), Gaps(missing=len(codes), examples=codes[:EXAMPLES])


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One source as a line of a table; `today` counts by what."""

    name: str
    units: list[str]
    is_live: bool
    newest_at: datetime
    last_recorded_at: datetime
    heard_up_to: datetime | None
    silent: bool
    quiet_minutes: int
    today: dict[What, int]


class ShowSources:
    """All sources, and what came from senders that are none."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendar: Calendar,
        heard: Callable[[], Awaitable[dict[str, datetime | None]]],
        silent_after_minutes: int,
    ) -> None:
        self._database, self._clock, self._calendar, self._heard = database, clock, calendar, heard
        self._silent_after = silent_after_minutes

    async def __call__(self) -> tuple[list[Overview], dict[str, int]]:
        """(sources by name, rejections of today by a sender that could not be told to be a source)."""
        heard, now = await self._heard(), self._clock.now()
        today = local_date(now)
        async with self._database.transaction() as session:
            watched = await list_sources(session)
            units = await repository.list_units(session, (one.name for one in watched))
            counts = await repository.list_counts(session, today, today)
        known, by_source, strangers = {one.name for one in watched}, dict[str, Counter[What]](), Counter[str]()
        for one, count in counts.items():
            by_source.setdefault(one.source, Counter())[one.what] += count
            if one.source not in known and one.what is What.REJECTED:
                strangers[one.source] += count
        found = []
        for source in watched:
            own = self._calendar.for_unit(units[source.name][0]) if units.get(source.name) else self._calendar
            quiet = quiet_minutes(source.last_recorded_at, now, own)
            sums = by_source.get(source.name, Counter())
            found.append(
                Overview(
                    name=source.name,
                    units=units.get(source.name, []),
                    is_live=source.is_live,
                    newest_at=source.newest_at,
                    last_recorded_at=source.last_recorded_at,
                    heard_up_to=heard.get(source.name),
                    silent=source.is_live and quiet > self._silent_after,
                    quiet_minutes=quiet if source.is_live else 0,
                    today={what: sums[what] for what in What},
                )
            )
        return found, dict(strangers)


class AskArrived:
    """Which ids of a source arrived."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def among(self, source: str, ids: Sequence[str], units: Sequence[str] | None) -> tuple[list[str], list[str]]:
        """(arrived, missing) in the order asked."""
        async with self._database.transaction() as session:
            found = await repository.list_arrived(session, source, ids, units)
        return [one for one in ids if one in found], [one for one in ids if one not in found]

    async def between(
        self, source: str, first: str, last: str, units: Sequence[str] | None
    ) -> tuple[list[str], list[str] | None]:
        """(arrived, missing) from `first` to `last`; missing is `None` where ids are not numbers of one series.

        Raises `RangeTooLong`.
        """
        ids = between(first, last)
        if ids is not None:
            return await self.among(source, ids, units)
        async with self._database.transaction() as session:
            found = await repository.list_ids_between(session, source, first, last, units, LONGEST_SERIES + 1)
        if len(found) > LONGEST_SERIES:
            raise RangeTooLong(len(found))
        return found, None
