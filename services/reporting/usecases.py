"""What the reporting service does: follow dossiers, answer with figures and the lists behind them, close reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import structlog

from services.reporting import repository
from services.reporting.domain import (
    COLUMNS,
    FORM,
    Figures,
    PeriodNotOver,
    ReportAlreadyClosed,
    ReportNotClosed,
    UnknownColumn,
    UnknownForm,
    WindowEndsBeforeItStarts,
    check_balance,
    figures,
    fingerprint,
)
from services.reporting.metrics import ReportingMetrics
from shared import outbox
from shared.clock import Clock
from shared.database import Database
from shared.events.dossiers import Snapshot
from shared.events.envelope import Outgoing, encode_event
from shared.localtime import local_date
from shared.periods import Period, PeriodRules, period
from shared.topology import REPORT, report_subject
from shared.units import Units

log = structlog.get_logger()


class FollowDossiers:
    """Facts, spans and rollup of one batch in one transaction."""

    def __init__(self, database: Database, metrics: ReportingMetrics) -> None:
        self._database, self._metrics = database, metrics

    async def __call__(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep what is newer; the rest changes nothing."""
        async with self._database.transaction() as session:
            changed = await repository.upsert_facts(session, snapshots)
        for unit, count in Counter(unit for unit, _ in changed).items():
            self._metrics.facts.labels(unit).inc(count)


class ShowFigures:
    """Figures of a form for units and a window, and the lists behind them."""

    def __init__(self, database: Database, metrics: ReportingMetrics) -> None:
        self._database, self._metrics = database, metrics

    async def __call__(self, units: Sequence[str], form: str, begin: date, end: date) -> list[Figures]:
        """Figures as of the end of *end*; later statements do not exist. An empty `units` means every unit known.

        Raises `UnknownForm`, `WindowEndsBeforeItStarts`.
        """
        _check(form, begin, end)
        with self._metrics.figure_seconds.time():
            async with self._database.transaction() as session:
                wanted = list(units) or await repository.list_units(session)
                sums = await repository.sum_rollup(session, wanted, begin, end)
        return [figures(unit, begin, end, sums.get(unit, ())) for unit in wanted]

    async def behind(
        self, units: Sequence[str], begin: date, end: date, column: str, *, field: str | None, limit: int, offset: int
    ) -> list[dict[str, Any]]:
        """The dossiers behind one cell; as many as the cell says. Raises `UnknownColumn`."""
        _check(FORM, begin, end)
        if column not in COLUMNS:
            raise UnknownColumn(column)
        async with self._database.transaction() as session:
            return await repository.list_behind(session, units, begin, end, column, field, limit, offset)

    async def longest_overdue(self, units: Sequence[str], on: date, limit: int) -> list[dict[str, Any]]:
        """Open dossiers past their promise, oldest promise first."""
        async with self._database.transaction() as session:
            wanted = list(units) or await repository.list_units(session)
            return await repository.longest_overdue(session, wanted, on, limit)


def _check(form: str, begin: date, end: date) -> None:
    if form != FORM:
        raise UnknownForm(form)
    if end < begin:
        raise WindowEndsBeforeItStarts(begin, end)


class CloseReport:
    """Freezes a report after its last day and says `closed`, in one transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        units: Units,
        rules: PeriodRules,
        metrics: ReportingMetrics,
        poke: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._units, self._rules = database, clock, units, rules
        self._metrics, self._poke = metrics, poke

    def window(self, unit: str, code: str) -> Period:
        """The days of a unit's period; raises `UnknownUnit`, `UnknownPeriod`, `PeriodBeforeUnit`."""
        return period(code, self._rules, self._units.get(unit).founded)

    async def __call__(self, unit: str, form: str, code: str, *, by: str) -> dict[str, Any]:
        """Close a period; raises `PeriodNotOver`, `ReportAlreadyClosed`, `FiguresDoNotBalance`."""
        days, now = self.window(unit, code), self._clock.now()
        _check(form, days.begin, days.end)
        if days.end >= local_date(now):
            raise PeriodNotOver(code, days.end, local_date(now))
        async with self._database.transaction() as session:
            if known := await repository.find_report(session, unit, form, code):
                raise ReportAlreadyClosed(unit, form, code, known["closed_at"].isoformat())
            sums = await repository.sum_rollup(session, [unit], days.begin, days.end)
            of = figures(unit, days.begin, days.end, sums.get(unit, ()))
            check_balance(of)
            revisions = await repository.list_revisions(session, unit, days.begin, days.end)
            report = {
                "unit": unit, "form": form, "period": code, "version": 1, "begin": days.begin, "end": days.end,
                "closed_by": by, "fingerprint": fingerprint(of, revisions), "figures": of.as_json(),
            }  # fmt: skip
            if not await repository.add_report(session, report, now):
                raise ReportAlreadyClosed(unit, form, code, now.isoformat())
            await outbox.add(session, [self._said("closed", report)])
        self._poke()
        self._metrics.closed.labels(unit, form).inc()
        log.info("report_closed", unit=unit, form=form, period=code, fingerprint=report["fingerprint"])
        return report

    async def closed(self, unit: str, form: str, code: str) -> dict[str, Any]:
        """The closed report; raises `ReportNotClosed`."""
        async with self._database.transaction() as session:
            report = await repository.find_report(session, unit, form, code)
        if report is None:
            raise ReportNotClosed(unit, form, code)
        return report

    async def list(self, units: Sequence[str]) -> list[dict[str, Any]]:
        """Every closed report of these units, or of all."""
        async with self._database.transaction() as session:
            return await repository.list_reports(session, units or None)

    def _said(self, event: str, report: dict[str, Any]) -> Outgoing:
        unit, code = report["unit"], f"{report['form']}/{report['period']}"
        event_id = f"report/{unit}/{code}/{report['version']}/{event}"
        frozen = report["figures"]
        data = {
            "report": code, "form": report["form"], "unit": unit, "period": report["period"], "from": frozen["from"],
            "to": frozen["to"], "version": report["version"], "supersedes": None, "rows": frozen["rows"],
            "total": frozen["total"], "fingerprint": report["fingerprint"],
        }  # fmt: skip
        return Outgoing(
            stream=REPORT,
            subject=report_subject(unit, event),
            id=event_id,
            body=encode_event(
                type=f"vn.motcua.report.{event}.v1", id=event_id, source=f"/motcua/reporting/{unit}", subject=code,
                time=self._clock.now(), data=data,
            ),
        )  # fmt: skip
