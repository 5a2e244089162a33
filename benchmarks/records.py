"""What the benchmarks say: statements of the simulator, and ratings that call for an alert."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice

from shared.events.statements import Facts, Kind, Statement, encode_statement
from shared.settings import RULES
from shared.topology import onestop_subject
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate

UNITS = ("10510", "10966")
Message = tuple[str, bytes, dict[str, str]]


def centre_messages(count: int) -> list[Message]:
    """The first `count` statements of a simulated half year of two communes, as messages for ONESTOP."""
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    told = simulate(UNITS, 1, date(2025, 7, 1), date(2025, 12, 31), load_calendar(RULES), scenario)
    return [message(one.statement) for one in islice(told, count)]


def dissatisfied(number: int, at: datetime) -> Message:
    """A citizen rates a dossier with 1: the rule `dossier-dissatisfied` tells the leaders."""
    return message(
        Statement(
            source="/onestop/31/10966", id=f"bench-{number}", kind=Kind.RATED, unit="10966", dossier=f"BENCH-{number}",
            time=at, facts=Facts(rating=1),
        )
    )  # fmt: skip


def message(statement: Statement) -> Message:
    """A statement as it goes to the bus."""
    return onestop_subject(statement.unit, statement.kind), encode_statement(statement), {}
