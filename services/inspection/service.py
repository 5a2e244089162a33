"""The one place where the inspection service's parts meet."""

from __future__ import annotations

from datetime import timedelta

from services.inspection.api import InspectionApi
from services.inspection.handlers import InspectionHandlers, routes
from services.inspection.metrics import InspectionMetrics
from services.inspection.plans import load_plans
from services.inspection.settings import InspectionSettings
from services.inspection.usecases import (
    FollowDossiers,
    FollowOwedReports,
    FollowPetitions,
    MeasurePlans,
    RecordEvidence,
    ShowPlans,
)
from shared.batches import Batches
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.drift import Drift
from shared.outbox import Relay
from shared.periods import load_period_rules
from shared.runtime import Bus, Environment, Service
from shared.units import load_units

NAME = "inspection"


def build(environment: Environment) -> Service:
    """Wire the inspection service: hears DOSSIER and REPORT, owns plans and their progress, says INSPECTION."""
    settings = InspectionSettings(**environment.settings.model_dump(exclude_unset=True))
    bus = Bus(NAME, environment)
    database = Database(settings.database_url, NAME)
    relay = Relay(NAME, database, bus.publish, environment.registry)
    most = timedelta(minutes=settings.clock_off_minutes)
    drift = Drift(NAME, database, bus.client, environment.registry, most=most)
    dead_letters = DeadLetters(NAME, bus.client, environment.clock, environment.registry)
    units = load_units(environment.rules)
    plans, inspections = load_plans(environment.rules, units)
    dirty = set[str]()
    measure = MeasurePlans(
        database,
        environment.clock,
        plans,
        load_period_rules(environment.rules),
        units,
        InspectionMetrics(environment.registry),
        relay.poke,
        dirty,
        every=settings.measure_seconds,
    )
    follow, petitions = FollowDossiers(database, dirty), FollowPetitions(database, dirty)
    owed = FollowOwedReports(database, dirty)
    bus.broker.include_router(routes(InspectionHandlers(follow, petitions, owed, Batches(dead_letters))))
    show, record = ShowPlans(database, plans, inspections), RecordEvidence(database, environment.clock, plans)
    return Service(
        name=NAME,
        bus=bus,
        resources=(database,),
        tasks=(relay.run, drift.run, measure.run),
        checks=(database.answers, relay.problem),
        warnings=(drift.warning,),
        backlog={"outbox": relay.backlog, "units_to_measure": measure.backlog},
        api=InspectionApi(show, record, environment.tokens).router(),
    )
