"""What the notification service does: decide alerts with the events that cause them, deliver them with patience."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from services.notification import messages, repository
from services.notification.domain import Rule, is_stale, matches, next_pause
from services.notification.metrics import NotificationMetrics
from services.notification.rules import Wording
from services.notification.senders import DeliveryFailed, Senders
from services.notification.settings import NotificationSettings
from shared import outbox
from shared.clock import Clock
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.events.envelope import Envelope, Outgoing, encode_event, read_data
from shared.localtime import LOCAL, local_date
from shared.topology import ALERT, alert_subject
from shared.units import Units
from shared.workdays import Calendar

log = structlog.get_logger()
Heard = tuple[str, Envelope]
"""(event name as rules write it, the event)."""


class DecideAlerts:
    """Alerts of one batch of events, stored and said in one transaction."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calendar: Calendar,
        units: Units,
        rules: Sequence[Rule],
        wording: Wording,
        metrics: NotificationMetrics,
        poke: Callable[[], None],
        *,
        stale_after: int,
    ) -> None:
        self._database, self._clock, self._calendar, self._units = database, clock, calendar, units
        self._rules: dict[str, list[Rule]] = {}
        for rule in rules:
            self._rules.setdefault(rule.event, []).append(rule)
        self._wording, self._metrics, self._poke, self._stale_after = wording, metrics, poke, stale_after

    def wants(self, event: str) -> bool:
        """Whether any rule listens to this event; most events end here, undecoded."""
        return event in self._rules

    async def __call__(self, heard: Sequence[Heard]) -> None:
        """Decide; the same event again decides nothing, for each alert's key is its rule, event and role."""
        now = self._clock.now()
        alerts = [alert for event, envelope in heard for alert in self._alerts(event, envelope, now)]
        if not alerts:
            return
        async with self._database.transaction() as session:
            taken_back = [
                (one["unit"], one["subject"]) for one in alerts if one["event"] == "dossier.overdue_withdrawn"
            ]
            called = await repository.list_called_overdue(session, taken_back) if taken_back else set()
            for one in alerts:
                if one["event"] == "dossier.overdue_withdrawn" and (one["unit"], one["subject"]) not in called:
                    one |= {"status": "suppressed", "reason": "nobody was told that it was overdue"}
            added = await repository.add_alerts(session, alerts)
            fresh = [one for one in alerts if one["key"] in added]
            await outbox.add(session, [said("decided", one, now) for one in fresh])
        for (unit, rule, status), count in Counter((one["unit"], one["rule"], one["status"]) for one in fresh).items():
            self._metrics.alerts.labels(unit, rule, status).inc(count)
        self._poke()

    def _alerts(self, event: str, envelope: Envelope, now: datetime) -> list[dict[str, Any]]:
        data = read_data(envelope)
        unit = _unit_of(data)
        found = list[dict[str, Any]]()
        for rule in self._rules[event]:
            if not matches(rule, data):
                continue
            stale = self._is_stale(envelope.time, now)
            name = known.name if (known := self._units.find(unit)) else unit
            values = {"event": envelope, "data": data, "unit_name": name, "at": envelope.time.astimezone(LOCAL)}
            title, body = self._wording.render(rule.template, {**values, "day": _day})
            found += [
                {
                    "key": f"{rule.id}/{envelope.id}/{role}", "unit": unit, "rule": rule.id, "role": role, "event": event,
                    "subject": envelope.subject, "urgency": rule.urgency, "status": "suppressed" if stale else "pending",
                    "reason": "happened long before it was recorded" if stale else "",
                    "correlation": envelope.correlation, "title": title, "body": body,
                    "happened_at": envelope.time, "decided_at": now,
                }
                for role in rule.to
            ]  # fmt: skip
        return found

    def _is_stale(self, happened_at: datetime, now: datetime) -> bool:
        happened_on, today = local_date(happened_at), local_date(now)
        days = self._calendar.working_days_between(happened_on, today)
        return is_stale(happened_on, today, working_days=days, after=self._stale_after)


def _unit_of(data: Mapping[str, Any]) -> str:
    snapshot = data.get("snapshot")
    return str(snapshot["unit"] if isinstance(snapshot, Mapping) else data.get("unit", ""))


def _day(text: str | None) -> str:
    """`2025-11-06T17:00:00+07:00` → `06/11/2025`, for templates."""
    return local_date(datetime.fromisoformat(text)).strftime("%d/%m/%Y") if text else "–"


def said(event: str, alert: Mapping[str, Any], now: datetime) -> Outgoing:
    """One event about an alert: which, to which role, what became of it; never its text."""
    event_id = f"alert/{alert['key']}/{event}"
    data = {name: alert[name] for name in ("key", "unit", "rule", "role", "event", "subject", "urgency", "status")}
    return Outgoing(
        stream=ALERT,
        subject=alert_subject(alert["unit"], event),
        id=event_id,
        body=encode_event(
            type=f"vn.motcua.alert.{event}.v1", id=event_id, source=f"/motcua/notification/{alert['unit']}",
            subject=alert["subject"], time=now, data=data, correlation=alert["correlation"],
        ),
    )  # fmt: skip


class Deliver:
    """Sends what is due. Sent and then crashed before the commit means sent again: at least once at the last hop only."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        senders: Senders,
        dead_letters: DeadLetters,
        metrics: NotificationMetrics,
        poke: Callable[[], None],
        settings: NotificationSettings,
    ) -> None:
        self._database, self._clock, self._senders, self._dead_letters = database, clock, senders, dead_letters
        self._metrics, self._poke, self._settings = metrics, poke, settings

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while await self.deliver_one():
                pass
            await asyncio.sleep(self._settings.deliver_seconds)

    async def deliver_one(self) -> bool:
        """One attempt at one message: the alerts of one rule, unit and role, bundled; `False` when nothing is due."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            alerts = await repository.claim_due(session, now, self._settings.bundle)
            if not alerts:
                return False
            status, reason, retry = await self._attempt(alerts, now)
            keys = [one["key"] for one in alerts]
            await repository.settle(session, keys, status, reason, now, retry)
            if status != "pending":
                await outbox.add(session, [said(status, {**one, "status": status}, now) for one in alerts])
        for one in alerts:
            self._metrics.alerts.labels(one["unit"], one["rule"], status if status != "pending" else "retried").inc()
        self._poke()
        return True

    async def backlog(self) -> int:
        """Alerts whose attempt is due."""
        async with self._database.transaction() as session:
            count = await repository.count_due(session, self._clock.now())
        self._metrics.pending.set(count)
        return count

    async def _attempt(self, alerts: Sequence[dict[str, Any]], now: datetime) -> tuple[str, str, datetime | None]:
        first = alerts[0]
        title = first["title"]
        if len(alerts) > 1:
            title = messages.BUNDLE.format(title=title, more=len(alerts) - 1)
        body = "\n\n".join(f"{one['body']}\n{messages.TRACE.format(correlation=one['correlation'])}" for one in alerts)
        try:
            with self._metrics.delivery_seconds.time():
                await self._senders.send(first["unit"], first["role"], title, body, alerts)
        except DeliveryFailed as failure:
            return await self._failed(alerts, failure, now)
        return "sent", "", None

    async def _failed(
        self, alerts: Sequence[dict[str, Any]], failure: DeliveryFailed, now: datetime
    ) -> tuple[str, str, datetime | None]:
        attempts = max(one["attempts"] for one in alerts) + 1
        log.warning(
            "delivery_failed", rule=alerts[0]["rule"], role=alerts[0]["role"], attempts=attempts, reason=str(failure)
        )
        if attempts < self._settings.max_attempts:
            return (
                "pending",
                str(failure),
                now + next_pause(attempts, timedelta(seconds=self._settings.first_retry_seconds)),
            )
        origin = f"alert {alerts[0]['rule']} to {alerts[0]['role']}"
        await self._dead_letters.keep_all([(origin, msgspec.json.encode([one["key"] for one in alerts]), failure)])
        return "failed", str(failure), None


class ShowAlerts:
    """The delivery log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, units: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """Newest first; an empty `units` means all."""
        async with self._database.transaction() as session:
            return await repository.list_alerts(session, units or None, limit)
