"""The one place where the dossier service's parts meet."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.dossier.api import DossierApi
from services.dossier.apologies.api import ApologiesApi
from services.dossier.apologies.letter import LetterPress
from services.dossier.apologies.rules import load_apology_rules
from services.dossier.apologies.usecases import KeepApologies, ShowApologies, TellIssued, WriteApologies
from services.dossier.applicants.sealing import Seal
from services.dossier.applicants.usecases import KeepNames, Names
from services.dossier.clocks.api import ClocksApi
from services.dossier.clocks.shelf import BookShelf
from services.dossier.clocks.usecases import KeepClocks, ShowClocks
from services.dossier.doors import Doors
from services.dossier.handlers import DossierHandlers, routes
from services.dossier.lateness.api import LatenessApi
from services.dossier.lateness.usecases import ShowLateness
from services.dossier.metrics import DossierMetrics
from services.dossier.petitions.api import PetitionsApi
from services.dossier.petitions.rules import Terms, load_petition_rules
from services.dossier.petitions.usecases import FoldPetitions, ShowPetition, SweepPetitions
from services.dossier.portal.api import PortalApi
from services.dossier.portal.rules import load_portal_rules
from services.dossier.portal.usecases import TakePacket
from services.dossier.scorecard.api import ScorecardApi
from services.dossier.scorecard.measuring import MeasureSources
from services.dossier.scorecard.metrics import SourceMetrics
from services.dossier.scorecard.usecases import AskArrived, CountRejections, ShowScorecards, ShowSources, SourceTally
from services.dossier.scorecard.watching import WatchSources
from services.dossier.settings import DossierSettings
from services.dossier.sheets.api import SheetsApi
from services.dossier.usecases import HearFile, ListFindings, RecordStatements, Sweep
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.drift import Drift
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
    relay = Relay(NAME, database, bus.publish, environment.registry)
    most = timedelta(minutes=settings.clock_off_minutes)
    drift = Drift(NAME, database, bus.client, environment.registry, most=most)
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

    sweep_petitions = SweepPetitions(database, environment.clock, metrics, relay.poke, sweep.horizons)

    async def sweep_for_ever() -> None:
        while True:
            await sweep()
            await sweep_petitions()
            await asyncio.sleep(settings.sweep_seconds)

    clocks = KeepClocks(database, environment.clock, BookShelf(environment.rules))

    async def keep_clocks_for_ever() -> None:
        await clocks.run(settings.clocks_seconds)

    petitions = FoldPetitions(Terms(rules=load_petition_rules(environment.rules), calendar=calendar))
    of_sources, silent_after = SourceMetrics(environment.registry), settings.silent_after_minutes
    rejections, tally = CountRejections(database, environment.clock, of_sources), SourceTally(of_sources)
    watch = WatchSources(
        database, environment.clock, calendar, of_sources, relay.poke, waiting, silent_after_minutes=silent_after
    )

    async def watch_for_ever() -> None:
        await watch.run(settings.watch_seconds)

    measure = MeasureSources(database, environment.clock, calendar, of_sources)

    async def measure_for_ever() -> None:
        await measure.run(settings.cards_seconds)

    record = RecordStatements(
        database, environment.clock, metrics, relay.poke, clocks.note, petitions, apologies.follow, tally
    )
    handlers = DossierHandlers(record, dead_letters, units, environment.clock, metrics, bus.client, rejections)
    bus.broker.include_router(routes(handlers))
    api = DossierApi(
        doors=doors,
        hear_file=HearFile(database, environment.clock),
        list_findings=ListFindings(database),
        dead_letters=dead_letters,
        units=units,
        tokens=environment.tokens,
        clock=environment.clock,
        count=rejections,
    )
    routers = api.router()
    sheets = SheetsApi(
        doors=doors,
        hear_file=HearFile(database, environment.clock),
        dead_letters=dead_letters,
        units=units,
        tokens=environment.tokens,
        clock=environment.clock,
        rules=environment.rules,
        count=rejections,
    )
    routers.include_router(sheets.router())
    routers.include_router(ClocksApi(ShowClocks(database, environment.clock), environment.tokens).router())
    seal, days = Seal.load(settings.applicants_key), settings.applicants_days
    names = Names(database, environment.clock, seal, days=days)
    take = TakePacket(
        database,
        doors,
        dead_letters,
        units,
        environment.clock,
        load_portal_rules(environment.rules),
        metrics,
        rejections,
        KeepNames(database, environment.clock, seal, days=days) if seal else None,
    )
    routers.include_router(PortalApi(take, environment.tokens).router())
    lateness = ShowLateness(database, calendar, sweep.horizons)
    routers.include_router(LatenessApi(lateness, environment.tokens, units).router())
    routers.include_router(PetitionsApi(ShowPetition(database, environment.clock), environment.tokens).router())
    show_sources = ShowSources(database, environment.clock, calendar, sweep.horizons, silent_after)
    show_cards = ShowScorecards(database, environment.clock, calendar)
    routers.include_router(ScorecardApi(show_sources, show_cards, AskArrived(database), environment.tokens).router())
    rules = load_apology_rules(environment.rules)
    write_apologies = WriteApologies(database, environment.clock, rules, calendar, doors)
    press = LetterPress(environment.rules, rules, units)
    show_apologies = ShowApologies(database, rules, calendar)
    routers.include_router(ApologiesApi(show_apologies, write_apologies, press, names, environment.tokens).router())
    tell = TellIssued(database, doors, metrics)

    async def tell_issued_for_ever() -> None:
        while True:
            await tell()
            await asyncio.sleep(settings.apologies_seconds)

    async def forget_names_for_ever() -> None:
        await names.run(settings.applicants_seconds)

    return Service(
        name=NAME,
        bus=bus,
        resources=(database, doors),
        tasks=(
            relay.run,
            drift.run,
            sweep_for_ever,
            keep_clocks_for_ever,
            watch_for_ever,
            measure_for_ever,
            tell_issued_for_ever,
            forget_names_for_ever,
        ),
        checks=(database.answers, relay.problem),
        warnings=(drift.warning,),
        backlog={"outbox": relay.backlog, "unjudged": sweep.left, "unjudged_petitions": sweep_petitions.left},
        api=routers,
    )
