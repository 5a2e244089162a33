"""One running system, filled by hand, for all tests of boards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.reporting.board.usecases import ShowBoards
from shared.boards import load_catalogue
from shared.database import Database
from shared.settings import RULES
from tests.boards.dossiers import DOSSIERS
from tests.inside import Inside, inside, new_folder, until


async def forecast(database: asyncpg.Connection[Any]) -> bool:
    return await database.fetchval("SELECT count(*) FROM forecast") == 2


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_WATCH_SECONDS", "1")
        patch.setenv("MOTCUA_CARDS_SECONDS", "1")
        patch.setenv("MOTCUA_FORECASTS_SECONDS", "1")
        async with inside(data, now="2025-11-20T11:00:00") as one:
            await one.say(*(said for dossier in DOSSIERS for said in dossier))
            async with one.database("reporting") as database:
                await until(lambda: forecast(database), "a forecast of each unit")
            yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def show(running: Inside) -> AsyncIterator[ShowBoards]:
    database = Database(str(running.system.environment.settings.board_database_url), "board", size=2)
    await database.start()
    yield ShowBoards(database, load_catalogue(RULES), running.clock)
    await database.stop()
