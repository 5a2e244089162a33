"""The one place where the dossier service's parts meet."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.dossier.api import DossierApi
from services.dossier.apologies.api import ApologiesApi
from services.dossier.apologies.letter import LetterPress
from services.dossier.apologies.rules import load_apology_rules
from services.dossier.apologies.usecases import KeepApologies, ShowApologies, TellIssued, WriteApologies
from services.dossier.clocks.api import ClocksApi
from services.dossier.clocks.shelf import BookShelf
from services.dossier.clocks.usecases import KeepClocks, ShowClocks
from services.dossier.doors import Doors
from services.dossier.handlers import DossierHandlers, routes
from services.dossier.metrics import DossierMetrics
from services.dossier.settings import DossierSettings
from services.dossier.usecases import HearFile, RecordStatements, Sweep
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.outbox import Relay
from shared.runtime import Bus, Environment, Service
from shared.topology import durable
from shared.units import load_units
from shared.workdays import load_calendar

NAME = "dossier"


def build(environment: Environment) -> Service:
    """Wire the dossier service: hears ONESTOP, owns the journal and the dossiers, says DOSSIER."""
    settings = DossierSettings(**environment.settings.model_dump(exclude_unset=True))
    bus = Bus(NAME, environment)
    database = Database(settings.database_url, NAME)
    metrics, units = DossierMetrics(environment.registry), load_units(environment.rules)
    relay = Relay(NAME, database, bus.client, environment.registry)
    dead_letters = DeadLetters(NAME, bus.client, environment.clock, environment.registry)
    doors = Doors(bus.client, patience=settings.receipt_seconds)

    async def waiting() -> int:
        one = durable(NAME)
        info = await (await bus.client()).jetstream().consumer_info(one.stream, one.name)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    calendar, apologies = load_calendar(environment.rules), KeepApologies()
    sweep = Sweep(
        database,
        environment.clock,
        calendar,
        metrics,
        relay.poke,
        waiting,
        silent_after=timedelta(minutes=settings.silent_after_minutes),
        due_soon_days=settings.due_soon_days,
        overdue=apologies.open,
    )

    async def sweep_for_ever() -> None:
        while True:
            await sweep()
            await asyncio.sleep(settings.sweep_seconds)

    clocks = KeepClocks(database, environment.clock, BookShelf(environment.rules))

    async def keep_clocks_for_ever() -> None:
        await clocks.run(settings.clocks_seconds)

    record = RecordStatements(database, environment.clock, metrics, relay.poke, clocks.note, apologies.follow)
    handlers = DossierHandlers(record, dead_letters, units, environment.clock, metrics, bus.client)
    bus.broker.include_router(routes(handlers))
    api = DossierApi(
        doors=doors,
        hear_file=HearFile(database, environment.clock),
        dead_letters=dead_letters,
        units=units,
        tokens=environment.tokens,
        clock=environment.clock,
    )
    routers = api.router()
    routers.include_router(ClocksApi(ShowClocks(database, environment.clock), environment.tokens).router())
    rules = load_apology_rules(environment.rules)
    write_apologies = WriteApologies(database, environment.clock, rules, calendar, doors)
    press = LetterPress(environment.rules, rules, units)
    show_apologies = ShowApologies(database, rules, calendar)
    routers.include_router(ApologiesApi(show_apologies, write_apologies, press, environment.tokens).router())
    tell = TellIssued(database, doors, metrics)

    async def tell_issued_for_ever() -> None:
        while True:
            await tell()
            await asyncio.sleep(settings.apologies_seconds)

    return Service(
        name=NAME,
        bus=bus,
        resources=(database, doors),
        tasks=(relay.run, sweep_for_ever, keep_clocks_for_ever, tell_issued_for_ever),
        checks=(database.answers,),
        backlog={"outbox": relay.backlog, "unjudged": sweep.left},
        api=routers,
    )
