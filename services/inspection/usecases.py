"""What the inspection service does: follow dossiers, measure targets when something changed, record evidence, show plans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import structlog

from services.inspection import messages, repository
from services.inspection.domain import Progress, Window, events_between, judge, judge_trend
from services.inspection.metrics import InspectionMetrics
from services.inspection.plans import Inspection, Item, Plan, Schedule, Target
from shared import outbox
from shared.clock import Clock
from shared.database import Database, Session
from shared.events.dossiers import Snapshot
from shared.events.envelope import Outgoing, encode_event
from shared.events.owed_reports import OwedReport
from shared.events.petition_snapshots import PetitionSnapshot
from shared.events.plans import PlanEvent, TargetProgress
from shared.events.said import event_type
from shared.facts import newest, store_newer
from shared.localtime import local_date
from shared.measures import RATES, Share, percent
from shared.periods import PeriodBeforeUnit, PeriodRules, period, quarter_of
from shared.petition_facts import store_newer_petitions
from shared.topology import INSPECTION, plan_subject
from shared.units import Units

log = structlog.get_logger()


class UnknownItem(LookupError):
    """The plan has no such item."""

    def __init__(self, plan: str, item: str) -> None:
        super().__init__(f"plan {plan!r} has no item {item!r}; see motcua plan show")


class FollowDossiers:
    """Facts and spans of one batch in one transaction; the units touched are measured soon after."""

    def __init__(self, database: Database, dirty: set[str]) -> None:
        self._database, self._dirty = database, dirty

    async def __call__(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep what is newer; the rest changes nothing."""
        async with self._database.transaction() as session:
            changed = await store_newer(session, snapshots)
        self._dirty.update(unit for unit, _ in changed)


class FollowPetitions:
    """As `FollowDossiers`, for petitions."""

    def __init__(self, database: Database, dirty: set[str]) -> None:
        self._database, self._dirty = database, dirty

    async def __call__(self, snapshots: Sequence[PetitionSnapshot]) -> None:
        """Keep what is newer; the rest changes nothing."""
        async with self._database.transaction() as session:
            changed = await store_newer_petitions(session, snapshots)
        self._dirty.update(unit for unit, _ in changed)


class FollowOwedReports:
    """As `FollowDossiers`, for reports that are owed."""

    def __init__(self, database: Database, dirty: set[str]) -> None:
        self._database, self._dirty = database, dirty

    async def __call__(self, told: Sequence[OwedReport]) -> None:
        """Keep what is newer; the rest changes nothing."""
        async with self._database.transaction() as session:
            changed = await repository.upsert_owed(session, newest(told))
        self._dirty.update(changed)


class MeasurePlans:
    """Measures the plans of units whose dossiers changed, and every plan on each new day."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        plans: Sequence[Plan],
        rules: PeriodRules,
        units: Units,
        metrics: InspectionMetrics,
        poke: Callable[[], None],
        dirty: set[str],
        *,
        every: float,
    ) -> None:
        self._database, self._clock, self._plans, self._rules, self._units = database, clock, plans, rules, units
        self._metrics, self._poke, self._dirty, self._every = metrics, poke, dirty, every
        self._measured_on: date | None = None

    async def run(self) -> None:
        """Measure until cancelled; a restart measures everything anew, for the facts are all here."""
        while True:
            await self.measure_dirty()
            await asyncio.sleep(self._every)

    async def backlog(self) -> int:
        """Units whose plans are not measured yet."""
        return len(self._dirty & {plan.unit for plan in self._plans})

    async def measure_dirty(self) -> None:
        """Measure what changed since the last look; a unit stays dirty until its measurement is committed."""
        today = local_date(self._clock.now())
        touched = {plan.unit for plan in self._plans} if today != self._measured_on else set(self._dirty)
        for plan in self._plans:
            if plan.unit in touched:
                self._dirty.discard(plan.unit)
                try:
                    await self._measure(plan, today)
                except BaseException:
                    self._dirty.add(plan.unit)
                    raise
        self._dirty &= {plan.unit for plan in self._plans}
        self._measured_on = today

    async def _measure(self, plan: Plan, today: date) -> None:
        now, events = self._clock.now(), list[Outgoing]()
        with self._metrics.measure_seconds.time():
            async with self._database.transaction() as session:
                await repository.lock_plan(session, plan.id)
                before = await repository.list_progress(session, plan.id)
                after = [one async for one in self._progress(session, plan, today)]
                changed = [one for one in after if _differs(before.get((one.target, one.window.name)), one)]
                await repository.upsert_progress(session, changed, now)
                titles = {target.id: (item, target) for item, target in plan.targets()}
                for one in changed:
                    for event in events_between(before.get((one.target, one.window.name)), one):
                        events.append(self._said(event, plan, *titles[one.target], one))
                await outbox.add(session, events)
        for one in after:
            if one.window.name == "plan" and one.share and one.share.value is not None:
                self._metrics.ratio.labels(plan.unit, one.target).set(float(one.share.value))
        if events:
            self._poke()

    async def _progress(self, session: Session[Any], plan: Plan, today: date) -> Any:
        known = dict[tuple[str, str | None], Share | None]()
        for window in windows(plan, today, self._rules, self._units.get(plan.unit).founded):
            for _, target in plan.targets():
                rate, share = RATES.get(target.measure), None
                if rate is not None:
                    share = await repository.measure(session, rate, plan.unit, window, plan.rows_of(target))
                known[target.id, window.name] = share
                if target.trend is not None:
                    verdict = judge_trend(share, known.get((target.id, window.before)))
                else:
                    verdict = judge(share, target.threshold, is_over=window.end < today)
                yield Progress(plan=plan.id, target=target.id, window=window, share=share, verdict=verdict)

    def _said(self, event: PlanEvent, plan: Plan, item: Item, target: Target, progress: Progress) -> Outgoing:
        share, window = progress.share, progress.window
        hit, base = (share.hit, share.base) if share else (None, None)
        event_id = f"plan/{plan.id}/{target.id}/{window.name}/{event}/{hit}-{base}/{self._clock.now().isoformat()}"
        data = TargetProgress(
            plan=plan.id, unit=plan.unit, target=target.id, item=item.id, title_vi=item.title_vi, measure=target.measure,
            period=window.name, begin=window.begin, end=window.end, hit=hit, base=base, at_least=target.threshold,
            verdict=progress.verdict,
        )  # fmt: skip
        return Outgoing(
            stream=INSPECTION,
            subject=plan_subject(plan.unit, event),
            id=event_id,
            body=encode_event(
                type=event_type(f"plan.{event}"), id=event_id, source=f"/motcua/inspection/{plan.unit}",
                subject=plan.id, time=self._clock.now(), data=data,
            ),
        )  # fmt: skip


def windows(plan: Plan, today: date, rules: PeriodRules, founded: date | None) -> Iterator[Window]:
    """The plan's own period, each report quarter that has begun and ends within it, and what the plan shows beside them.

    Never mixed (plans.md §D): each is measured on its own days.
    """
    yield Window(name="plan", begin=plan.period.begin, end=plan.period.end)
    day, before = founded or plan.period.begin, None
    while day <= min(plan.period.end, today):
        code = quarter_of(day, rules)
        try:
            quarter = period(code, rules, founded)
        except PeriodBeforeUnit:
            break
        if quarter.end <= plan.period.end:
            yield Window(name=code, begin=quarter.begin, end=quarter.end, before=before)
        before, day = code, quarter.end + timedelta(days=1)
    for one in plan.period.also_shown:
        if one.begin is not None and one.end is not None and one.begin <= today:
            yield Window(name=one.name, begin=one.begin, end=one.end, shown_only=True)


def _differs(before: Progress | None, after: Progress) -> bool:
    if before is None:
        return True
    return (before.share, before.verdict, before.window.begin, before.window.end) != (
        after.share, after.verdict, after.window.begin, after.window.end,
    )  # fmt: skip


class RecordEvidence:
    """A document that a person says moves an item."""

    def __init__(self, database: Database, clock: Clock, plans: Sequence[Plan]) -> None:
        self._database, self._clock, self._plans = database, clock, plans

    async def __call__(self, unit: str, values: dict[str, Any], *, by: str) -> int:
        """Record it; raises `UnknownItem`."""
        items = {
            item.id
            for plan in self._plans
            if (plan.unit, plan.id) == (unit, values["plan"])
            for task in plan.tasks
            for item in task.items
        }
        if values["item"] not in items:
            raise UnknownItem(values["plan"], values["item"])
        row = {**values, "unit": unit, "recorded_by": by, "recorded_at": self._clock.now()}
        async with self._database.transaction() as session:
            return await repository.add_evidence(session, row)


class ShowPlans:
    """Plans of a unit with the progress of every target and task."""

    def __init__(self, database: Database, plans: Sequence[Plan], inspections: Sequence[Inspection]) -> None:
        self._database, self._plans, self._inspections = database, plans, inspections

    async def __call__(self, unit: str) -> dict[str, Any]:
        """The document of `motcua plan show --json`."""
        found = []
        async with self._database.transaction() as session:
            for plan in (one for one in self._plans if one.unit == unit):
                progress = await repository.list_progress(session, plan.id)
                evidence = await repository.count_evidence(session, plan.id)
                found.append(_shown(plan, progress, evidence))
        inspections = [
            {"id": one.id, "title": one.title_vi, "steps": [_step(step) for step in one.steps]}
            for one in self._inspections
            if one.unit == unit
        ]
        return {"unit": unit, "plans": found, "inspections": inspections}


def _shown(plan: Plan, progress: dict[tuple[str, str], Progress], evidence: dict[str, int]) -> dict[str, Any]:
    targets = []
    for item, target in plan.targets():
        for name in sorted({span for _, span in progress}, key=lambda name: (name != "plan", name)):
            one = progress.get((target.id, name))
            if one is not None:
                targets.append(_target(item, target, one))
    tasks = [
        {
            "id": task.id, "title_vi": task.title_vi, "lead": task.lead,
            "items": [
                {
                    "id": item.id, "title_vi": item.title_vi, "progress": item.progress,
                    "evidence": (count := evidence.get(item.id, 0)),
                    "status": _status(plan.schedule_of(task, item), has_evidence=count > 0 and item.progress != "measured"),
                }
                for item in task.items
            ],
            "status": _status(plan.schedule_of(task), has_evidence=False),
        }
        for task in plan.tasks
    ]  # fmt: skip
    period = {"from": plan.period.begin.isoformat(), "to": plan.period.end.isoformat()}
    return {"id": plan.id, "title": plan.title_vi, "period": period, "targets": targets, "tasks": tasks}


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """A step as the plan prints it; two rules for one deadline are both shown, a person decides between them."""
    deadline = step.get("deadline") or {}
    rules = deadline.get("candidates") or [deadline]
    stated = [rule["stated"] for rule in rules if rule.get("stated")]
    undecided = len(rules) > 1 and not deadline.get("decision")
    return {"id": step["id"], "title_vi": step["title_vi"], "stated": stated, "needs_decision": undecided}


def _status(schedule: Schedule, *, has_evidence: bool) -> str:
    if has_evidence:
        return messages.STATUS["done"]
    if not schedule.valid and schedule.decision is None:
        return messages.STATUS["needs_decision"]
    return messages.STATUS["recurring" if schedule.kind == "recurring" else "open"]


def _target(item: Item, target: Target, one: Progress) -> dict[str, Any]:
    share = one.share
    return {
        "id": target.id, "item": item.id, "title_vi": item.title_vi, "measure": target.measure, "stated": target.stated,
        "at_least": target.threshold, "assumed": target.assumed, "period": one.window.name,
        "from": one.window.begin.isoformat(), "to": one.window.end.isoformat(), "hit": share.hit if share else None,
        "base": share.base if share else None, "unknown": share.unknown if share else None,
        "percent": percent(share) if share else None, "verdict": one.verdict.value,
        "missing": messages.NOTHING_MEASURED.get(target.measure),
    }  # fmt: skip
