"""Parts of one simulated centre's stream."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from shared.localtime import start_of_day
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import said_of_new_dossiers, simulate

RULES = Path(__file__).parents[3] / "deploy" / "rules"


def test_parts_that_overlap_say_the_same() -> None:
    """Otherwise the next day's part would be swallowed as duplicates of other statements."""
    scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
    july = date(2025, 7, 1), date(2025, 7, 31)
    whole = list(simulate(["10966"], 1, *july, load_calendar(RULES), scenario))
    first, second = (list(said_of_new_dossiers(whole, start_of_day(date(2025, 7, day)))) for day in (14, 17))
    assert 0 < len(second) < len(first) < len(whole)
    assert {id(one) for one in second} < {id(one) for one in first}
    heard_of = {one.statement.dossier: one.said_at for one in reversed(whole)}  # its first word
    new = {dossier for dossier, said_at in heard_of.items() if said_at >= start_of_day(date(2025, 7, 17))}
    assert len(second) == sum(one.statement.dossier in new for one in whole), "all that is said of them, nothing else"
