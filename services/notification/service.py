"""The one place where the notification service's parts meet."""

from __future__ import annotations

from datetime import timedelta

from services.notification.alarms.api import AlarmsApi
from services.notification.alarms.usecases import HearAlarms
from services.notification.api import NotificationApi
from services.notification.handlers import NotificationHandlers, routes
from services.notification.hearing import RulesAreHeard
from services.notification.metrics import NotificationMetrics
from services.notification.rules import Wording, load_receivers, load_rules
from services.notification.senders import Senders
from services.notification.settings import NotificationSettings
from services.notification.usecases import DecideAlerts, Deliver, SendAgain, ShowAlerts
from shared.batches import Batches
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.drift import Drift
from shared.outbox import Relay
from shared.runtime import Bus, Environment, Service
from shared.units import load_units
from shared.workdays import load_calendar

NAME = "notification"


def build(environment: Environment) -> Service:
    """Wire the notification service: hears DOSSIER, INSPECTION and REPORT, owns alerts, says ALERT."""
    settings = NotificationSettings(**environment.settings.model_dump(exclude_unset=True))
    bus = Bus(NAME, environment)
    database = Database(settings.database_url, NAME)
    metrics = NotificationMetrics(environment.registry)
    relay = Relay(NAME, database, bus.publish, environment.registry)
    most = timedelta(minutes=settings.clock_off_minutes)
    drift = Drift(NAME, database, bus.client, environment.registry, most=most)
    dead_letters = DeadLetters(NAME, bus.client, environment.clock, environment.registry)
    units, rules = load_units(environment.rules), load_rules(environment.rules)
    heard = RulesAreHeard(rules, bus.client)
    decide = DecideAlerts(
        database,
        environment.clock,
        load_calendar(environment.rules),
        units,
        rules,
        Wording(environment.rules),
        metrics,
        relay.poke,
        stale_after=settings.stale_after_days,
    )
    senders = Senders(load_receivers(settings.deliveries, environment.rules, units), settings.out)
    again = SendAgain(database, environment.clock)
    deliver = Deliver(database, environment.clock, senders, dead_letters, metrics, relay.poke, settings)
    bus.broker.include_router(routes(NotificationHandlers(decide, Batches(dead_letters))))
    api = NotificationApi(ShowAlerts(database), again, environment.tokens).router()
    api.include_router(AlarmsApi(HearAlarms(decide), environment.clock, environment.tokens).router())
    return Service(
        name=NAME,
        bus=bus,
        resources=(database, heard),
        tasks=(relay.run, drift.run, deliver.run),
        checks=(database.answers, relay.problem, heard.problem),
        warnings=(drift.warning,),
        backlog={"outbox": relay.backlog, "deliveries": deliver.backlog},
        api=api,
    )
