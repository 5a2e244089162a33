"""What the notification service does: decide alerts with the events that cause them, deliver them with patience."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from services.notification import repository
from services.notification.domain import Rule, is_stale, matches, next_pause, send_at
from services.notification.metrics import NotificationMetrics
from services.notification.rules import Wording
from services.notification.senders import DeliveryFailed, Senders, correlations
from services.notification.settings import NotificationSettings
from shared import outbox
from shared.clock import Clock
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.events.alerts import AlertEvent, AlertSaid
from shared.events.envelope import Envelope, Outgoing, encode_event, read_data
from shared.events.said import event_type
from shared.localtime import LOCAL, local_date
from shared.topology import ALERT, alert_subject
from shared.units import Units
from shared.workdays import Calendar

log = structlog.get_logger()
LEASE = timedelta(minutes=2)
"""For so long an alert belongs to the process that sends it; longer than any sender may take."""
TAKES_BACK = {
    **{f"{of}.overdue_withdrawn": f"{of}.overdue" for of in ("dossier", "petition")},
    "alarm.resolved": "alarm.firing",
}
GOES_ON = frozenset({"alarm.firing"})
"""What is still so when it is said; however long ago it began, somebody must be told."""
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
            taken_back = [_taken_back(one) for one in alerts if one["event"] in TAKES_BACK]
            called = await repository.list_called_overdue(session, taken_back) if taken_back else set()
            for one in alerts:
                if one["event"] in TAKES_BACK and _taken_back(one) not in called:
                    one |= {"status": "suppressed", "reason": "nobody was told that it began"}
            added = await repository.add_alerts(session, alerts)
            fresh = [one for one in alerts if one["key"] in added]
            await outbox.add(session, [said(AlertEvent.DECIDED, one, now) for one in fresh])
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
            stale = event not in GOES_ON and self._is_stale(envelope.time, now)
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
                    "send_at": send_at(rule.urgency, now, self._calendar.for_unit(unit)),
                }
                for role in rule.to
            ]  # fmt: skip
        return found

    def _is_stale(self, happened_at: datetime, now: datetime) -> bool:
        happened_on, today = local_date(happened_at), local_date(now)
        days = self._calendar.working_days_between(happened_on, today)
        return is_stale(happened_on, today, working_days=days, after=self._stale_after)


def _taken_back(alert: Mapping[str, Any]) -> tuple[str, str, str]:
    """The alert that this one takes back, as (unit, subject, event)."""
    return alert["unit"], alert["subject"], TAKES_BACK[alert["event"]]


def _unit_of(data: Mapping[str, Any]) -> str:
    snapshot = data.get("snapshot")
    return str(snapshot["unit"] if isinstance(snapshot, Mapping) else data.get("unit", ""))


def _day(text: str | None) -> str:
    """`2025-11-06T17:00:00+07:00` → `06/11/2025`, for templates."""
    return local_date(datetime.fromisoformat(text)).strftime("%d/%m/%Y") if text else "–"


def said(event: AlertEvent, alert: Mapping[str, Any], now: datetime) -> Outgoing:
    """One event about an alert: which, to which role, what became of it; never its text."""
    event_id = f"alert/{alert['key']}/{event}"
    data = AlertSaid(**{name: alert[name] for name in AlertSaid.__struct_fields__})
    return Outgoing(
        stream=ALERT,
        subject=alert_subject(alert["unit"], event),
        id=event_id,
        body=encode_event(
            type=event_type(f"alert.{event}"), id=event_id, source=f"/motcua/notification/{alert['unit']}",
            subject=alert["subject"], time=now, data=data, correlation=alert["correlation"],
        ),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one attempt came to for one alert; `taken_by` are all places that have it by now."""

    key: str
    status: str
    reason: str
    retry: datetime | None
    taken_by: list[str]


class Deliver:
    """Sends what is due: claims, commits, sends, notes what came of it.

    Each place of a role is told once, whatever happens to the others. Sent and then crashed before the note means sent
    again after the lease: at least once at the last hop only, and `attempts` shows it.
    """

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
        self._metrics, self._poke, self._settings, self._in_hand = metrics, poke, settings, 0

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while await self.deliver_one():
                pass
            await asyncio.sleep(self._settings.deliver_seconds)

    async def deliver_one(self) -> bool:
        """One attempt at one message: the alerts of one rule, unit and role, bundled; `False` when nothing is due."""
        now, most = self._clock.now(), self._settings
        async with self._database.transaction() as session:
            alerts = await repository.claim_due(session, now, now + LEASE, bundle=most.bundle, digest=most.digest)
            self._in_hand = len(alerts)
        if not alerts:
            return False
        job = asyncio.create_task(self._finish(alerts))
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:  # an ordinary stop notes what it sent, or a restart would send it again
            await job
            raise
        return True

    async def backlog(self) -> int:
        """Alerts whose attempt is due or under way."""
        async with self._database.transaction() as session:
            count = await repository.count_due(session, self._clock.now()) + self._in_hand
        self._metrics.pending.set(count)
        return count

    async def _finish(self, alerts: Sequence[dict[str, Any]]) -> None:
        try:
            await self._settle(alerts, await self._attempt(alerts))
        finally:
            self._in_hand = 0
        self._poke()

    async def _attempt(self, alerts: Sequence[dict[str, Any]]) -> list[Outcome]:
        places = self._senders.places(alerts[0]["unit"], alerts[0]["role"])
        fit = [one for one in alerts if one["attempts"] <= self._settings.max_attempts]
        with self._metrics.delivery_seconds.time():
            failures = await asyncio.gather(*(self._tell(place, where, fit) for place, where in places.items()))
        failed = {place: str(failure) for place, failure in zip(places, failures, strict=True) if failure}
        now = self._clock.now()
        return [self._outcome(one, places, failed, now) for one in alerts]

    async def _tell(self, place: str, address: str | None, alerts: Sequence[dict[str, Any]]) -> DeliveryFailed | None:
        wanted = [one for one in alerts if place not in one["taken_by"]]
        try:
            if wanted:
                await self._senders.send(address, wanted)
        except DeliveryFailed as failure:
            log.warning(
                "delivery_failed",
                rule=wanted[0]["rule"],
                role=wanted[0]["role"],
                reason=str(failure),
                correlations=correlations(wanted),
            )
            return failure
        return None

    def _outcome(
        self, alert: dict[str, Any], places: Mapping[str, str | None], failed: Mapping[str, str], now: datetime
    ) -> Outcome:
        if alert["attempts"] > self._settings.max_attempts:
            # whoever sent it died each time before noting it; sending on would tell its reader for ever
            return Outcome(
                key=alert["key"], status="failed", reason="its attempts ended without an answer", retry=None,
                taken_by=alert["taken_by"],
            )  # fmt: skip
        has = set(alert["taken_by"])
        missing = [place for place in places if place in failed and place not in has]
        taken_by = sorted(has | (places.keys() - failed.keys()))
        reason, attempts = "; ".join(sorted({failed[place] for place in missing})), alert["attempts"]
        if not missing:
            return Outcome(key=alert["key"], status="sent", reason="", retry=None, taken_by=taken_by)
        if attempts >= self._settings.max_attempts:
            return Outcome(key=alert["key"], status="failed", reason=reason, retry=None, taken_by=taken_by)
        retry = now + next_pause(attempts, timedelta(seconds=self._settings.first_retry_seconds))
        return Outcome(key=alert["key"], status="pending", reason=reason, retry=retry, taken_by=taken_by)

    async def _settle(self, alerts: Sequence[dict[str, Any]], outcomes: Sequence[Outcome]) -> None:
        now = self._clock.now()
        given_up = [one for one in outcomes if one.status == "failed"]
        if given_up:
            origin = f"alert {alerts[0]['rule']} to {alerts[0]['role']}"
            keys = msgspec.json.encode([one.key for one in given_up])
            await self._dead_letters.keep_all([(origin, keys, DeliveryFailed(given_up[0].reason))])
        async with self._database.transaction() as session:
            await repository.settle(session, [asdict(one) for one in outcomes], now)
            told = [
                said(AlertEvent(outcome.status), {**alert, "status": outcome.status}, now)
                for alert, outcome in zip(alerts, outcomes, strict=True)
                if outcome.status != "pending"
            ]
            await outbox.add(session, told)
        for alert, outcome in zip(alerts, outcomes, strict=True):
            status = "retried" if outcome.status == "pending" else outcome.status
            self._metrics.alerts.labels(alert["unit"], alert["rule"], status).inc()


class SendAgain:
    """Alerts that were given up get their attempts back, after somebody mended what was wrong."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def __call__(self, keys: Sequence[str]) -> int:
        """How many are due again; one that was sent, or waits anyway, stays as it is."""
        async with self._database.transaction() as session:
            return await repository.send_again(session, keys, self._clock.now())


class ShowAlerts:
    """The delivery log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, units: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """Newest first; an empty `units` means all."""
        async with self._database.transaction() as session:
            return await repository.list_alerts(session, units or None, limit)
