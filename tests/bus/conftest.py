"""One system for each module of tests that do not disturb each other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.inside import Inside, inside, new_folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTCUA_FORECASTS_SECONDS", "1")
        async with inside(data) as one:
            yield one
