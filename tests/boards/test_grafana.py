"""Grafana's dashboards: as the catalogue says, understood by Grafana's own models, and answered like our page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from services.reporting.board.usecases import ShowBoards
from shared.boards import load_catalogue
from shared.boards.grafana import PERIOD_CHOICE, UNIT_CHOICE, render_dashboards
from shared.parties import Party
from shared.settings import RULES
from tests.inside import Inside

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
CATALOGUE = load_catalogue(RULES)
FILES = sorted((FOLDER / "dashboards").glob("*.json"))
NOW = "'2025-11-20T11:00:00+07:00'::timestamptz"


def test_the_committed_dashboards_are_what_the_catalogue_says() -> None:
    assert {path.name: path.read_text("utf-8") for path in FILES} == render_dashboards(RULES, CATALOGUE), (
        "run motcua boards render"
    )


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, f"{at}.{name}")
    elif isinstance(value, list):
        for n, one in enumerate(value):
            yield from leaves(one, f"{at}[{n}]")
    else:
        yield at, value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_own_models_read_a_dashboard_and_lose_nothing(path: Path) -> None:
    plugins.register_default_plugins()
    written = json.loads(path.read_text("utf-8"))
    read = json.loads(json.dumps(Dashboard.from_json(written), cls=JSONEncoder))
    known = dict(leaves(read))
    # the models leave out what is null: the first step of a threshold is
    lost = {at for at, value in leaves(written) if value is not None and known.get(at, "lost") != value}
    assert lost == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_panels_lie_on_the_grid_and_none_on_another(path: Path) -> None:
    taken = set[tuple[int, int]]()
    board = json.loads(path.read_text("utf-8"))
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        here = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not here & taken
        taken |= here
    assert board["uid"] == path.stem and len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def asked(sql: str, unit: str = "10966") -> str:
    """What Grafana makes of a query for one unit and the quarter, at the test's own now."""
    found = (
        sql.replace("${unit:sqlstring}", f"'{unit}'").replace("${period:sqlstring}", "'2025-Q4'").replace("now()", NOW)
    )
    assert "${" not in found
    return found


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_every_query_answers_what_our_page_shows(running: Inside, show: ShowBoards, path: Path) -> None:
    board = CATALOGUE.board(path.stem.removeprefix("motcua-"))
    assert board is not None
    chosen = await show.choose(Party(name="leader", units=frozenset("*")), ["10966"], "2025-Q4")
    ours = list((await show.figures(board, chosen.asked)).values())
    panels = [
        one
        for one in json.loads(path.read_text("utf-8"))["panels"]
        if one.get("datasource", {}).get("uid") == "postgres-board"
    ]
    connection = await asyncpg.connect(str(running.system.environment.settings.board_database_url))
    try:
        theirs = [[dict(row) for row in await connection.fetch(asked(one["targets"][0]["rawSql"]))] for one in panels]
        units = await connection.fetch(UNIT_CHOICE)
        periods = await connection.fetch(PERIOD_CHOICE.replace("now()", NOW))
    finally:
        await connection.close()
    assert theirs == ours
    assert [row["__value"] for row in units] == ["10510", "10966"]
    assert [row["code"] for row in periods] == ["2025-Q4", "2025", "2025-Q3"]


def test_dashboards_find_their_sources_and_the_password_stands_in_no_file() -> None:
    sources = "".join(path.read_text("utf-8") for path in (FOLDER / "provisioning" / "datasources").iterdir())
    used = {
        one["datasource"]["uid"]
        for path in FILES
        for one in json.loads(path.read_text("utf-8"))["panels"]
        if "datasource" in one
    }
    assert used and all(f"uid: {uid}\n" in sources for uid in used)
    assert 'password: "$__file{/run/secrets/postgres-board}"' in sources
