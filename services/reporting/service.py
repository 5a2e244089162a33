"""The one place where the reporting service's parts meet."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from fastapi import APIRouter

from services.reporting.api import ReportingApi
from services.reporting.board.api import BoardApi
from services.reporting.board.page import Page
from services.reporting.board.usecases import ShowBoards
from services.reporting.cities.api import CitiesApi
from services.reporting.cities.usecases import ShowCity
from services.reporting.documents import Paper
from services.reporting.foresight.api import ForesightApi
from services.reporting.foresight.keeping import KeepForecasts
from services.reporting.foresight.usecases import ForeseePeriod
from services.reporting.forms import load_forms
from services.reporting.handlers import ReportingHandlers, routes
from services.reporting.hearing import Hearing
from services.reporting.history.api import HistoryApi
from services.reporting.history.usecases import ExplainDifference
from services.reporting.metrics import ReportingMetrics
from services.reporting.obligations.api import Deeds, ObligationsApi
from services.reporting.obligations.rules import load_obligations
from services.reporting.obligations.usecases import (
    CheckReport,
    HandIn,
    HandToLeaders,
    RequestReport,
    Shelf,
    ShowCalendar,
)
from services.reporting.obligations.watching import WatchObligations
from services.reporting.petitions.api import PetitionsApi
from services.reporting.petitions.usecases import FollowPetitions, ShowPetitions
from services.reporting.publication import handlers as acknowledging
from services.reporting.publication.api import PublicationApi
from services.reporting.publication.domain import PublicationRules
from services.reporting.publication.store import FileStore
from services.reporting.publication.usecases import (
    PublishReports,
    RemindOfAcknowledgements,
    ShowPublications,
    TakeAcknowledgements,
)
from services.reporting.scores.api import ScoresApi
from services.reporting.scores.usecases import RecordScore
from services.reporting.settings import ReportingSettings
from services.reporting.signing import SigningKey
from services.reporting.usecases import CloseReport, DecideProposal, FollowDossiers, JudgeLateFacts, ShowFigures
from services.reporting.usecases.measuring import MeasureForms
from shared.batches import Batches
from shared.boards import load_catalogue
from shared.database import Database
from shared.dead_letters import DeadLetters
from shared.drift import Drift
from shared.outbox import Relay
from shared.periods import load_period_rules
from shared.rules import load
from shared.runtime import Bus, Environment, Service
from shared.units import load_units
from shared.workdays import load_calendar

NAME = "reporting"


def build(environment: Environment) -> Service:
    """Wire the reporting service: hears DOSSIER, owns facts, rollups and closed reports, says REPORT."""
    settings = ReportingSettings(**environment.settings.model_dump(exclude_unset=True))
    bus = Bus(NAME, environment)
    database = Database(settings.database_url, NAME)
    metrics, units = ReportingMetrics(environment.registry), load_units(environment.rules)
    relay = Relay(NAME, database, bus.publish, environment.registry)
    most = timedelta(minutes=settings.clock_off_minutes)
    drift = Drift(NAME, database, bus.client, environment.registry, most=most)
    dead_letters = DeadLetters(NAME, bus.client, environment.clock, environment.registry)
    rules = load_period_rules(environment.rules)
    calendar = load_calendar(environment.rules)
    measure = MeasureForms(load_forms(environment.rules), rules, units, environment.clock)
    judge = JudgeLateFacts(database, environment.clock, measure)
    follow = FollowDossiers(database, metrics, judge.poke)
    bus.broker.include_router(
        routes(ReportingHandlers(follow, FollowPetitions(database, judge.poke), Batches(dead_letters)))
    )
    publish = PublishReports(
        database,
        environment.clock,
        calendar,
        load(environment.rules / "publication.yaml", PublicationRules),
        FileStore(bus.client),
        metrics,
        relay.poke,
    )
    remind = RemindOfAcknowledgements(database, environment.clock, acknowledging.heard_all(bus.client), relay.poke)
    take = TakeAcknowledgements(database, environment.clock, metrics, relay.poke)
    bus.broker.include_router(acknowledging.routes(acknowledging.AcknowledgementHandlers(take, dead_letters)))
    book = load_obligations(environment.rules, units, rules)
    watch = WatchObligations(
        database,
        environment.clock,
        book,
        calendar,
        units,
        rules,
        relay.poke,
        stale_after=settings.stale_after_days,
        every=settings.obligations_seconds,
    )
    shelf = Shelf(
        database=database,
        clock=environment.clock,
        book=book,
        calendar=calendar,
        units=units,
        periods=rules,
        poke=relay.poke,
    )
    deeds = Deeds(
        hand_in=HandIn(shelf),
        check=CheckReport(shelf),
        leaders=HandToLeaders(shelf),
        ask=RequestReport(shelf),
        calendar=ShowCalendar(shelf),
    )
    close = CloseReport(
        database,
        environment.clock,
        units,
        measure,
        Paper(environment.rules),
        Hearing(bus.client, patience=10.0),
        partial(SigningKey.load, settings.signing_key),
        metrics,
        publish.poke,
    )
    api = ReportingApi(
        show=ShowFigures(database, metrics, measure),
        close=close,
        decide=DecideProposal(database, environment.clock, close, measure),
        measure=measure,
        units=units,
        tokens=environment.tokens,
    )
    routers = APIRouter()
    routers.include_router(api.router())
    foresee = ForeseePeriod(database, environment.clock, load_calendar(environment.rules))
    routers.include_router(ForesightApi(foresee, close, environment.tokens).router())
    forecasts = KeepForecasts(database, environment.clock, foresee, rules, units, every=settings.forecasts_seconds)
    routers.include_router(HistoryApi(ExplainDifference(database, measure), measure, environment.tokens).router())
    routers.include_router(PublicationApi(ShowPublications(database), environment.tokens).router())
    routers.include_router(CitiesApi(ShowCity(database, units, rules), environment.tokens).router())
    routers.include_router(PetitionsApi(ShowPetitions(database), environment.tokens).router())
    routers.include_router(ObligationsApi(deeds, shelf, environment.tokens).router())
    boards = Database(settings.board_database_url, "board", size=3) if settings.board_database_url else None
    if boards is not None:
        show = ShowBoards(boards, load_catalogue(environment.rules), environment.clock)
        page = Page(environment.rules, show, environment.registry)
        routers.include_router(BoardApi(show, page, environment.tokens).router())
    routers.include_router(ScoresApi(RecordScore(database, environment.clock, measure), environment.tokens).router())
    return Service(
        name=NAME,
        bus=bus,
        resources=(database,) if boards is None else (database, boards),
        tasks=(relay.run, drift.run, judge.run, publish.run, remind.run, watch.run, forecasts.run),
        checks=(database.answers, relay.problem),
        warnings=(drift.warning,),
        backlog={
            "outbox": relay.backlog,
            "late": judge.backlog,
            "publications": publish.backlog,
            "obligations": watch.backlog,
        },
        api=routers,
    )
