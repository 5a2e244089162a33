"""The machine's clock held against those of a real database and a real bus: an hour off is said, and that it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from services.inspection.service import NAME
from shared.database import Database
from shared.drift import Drift
from tests.inside import Inside, Lines, inside, new_folder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
ADVICE = (
    "set the one that is wrong (chronyc tracking, timedatectl): "
    "what is due and what lies in the future is judged by this machine's"
)


@pytest_asyncio.fixture(loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data) as one:
            yield one


class Machine:
    """A machine whose clock is so far ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


async def test_a_clock_that_is_an_hour_off_is_said_once_and_that_it_is_right_again(running: Inside) -> None:
    machine, registry = Machine(), CollectorRegistry()
    service = next(one for one in running.system.services if one.name == NAME)
    async with running.database(NAME) as connection:
        url = running.system.servers.postgres_dsn(NAME, await connection.fetchval("SELECT current_database()"))
    database = Database(url, NAME, size=1)
    await database.start()
    drift = Drift(NAME, database, service.bus.client, registry, most=timedelta(minutes=5), now=machine.now)

    def ahead(of: str) -> float:
        seconds = registry.get_sample_value("motcua_clock_ahead_seconds", {"service": NAME, "of": of})
        assert seconds is not None
        return seconds

    with Lines() as lines:
        await drift.look()
        assert await drift.warning() is None
        assert abs(ahead("PostgreSQL")) < 5 and abs(ahead("the bus")) < 5
        machine.ahead = timedelta(minutes=4)  # two machines' clocks never agree
        await drift.look()
        assert lines.of("clock_off") == []
        machine.ahead = timedelta(hours=-1)
        await drift.look()
        await drift.look()
        assert [one["reason"] for one in lines.of("clock_off", service=NAME)] == [
            f"this machine's clock is 60 minutes behind PostgreSQL's; {ADVICE}",
            f"this machine's clock is 60 minutes behind the bus's; {ADVICE}",
        ]
        assert ahead("PostgreSQL") == pytest.approx(-3600, abs=5) and ahead("the bus") == pytest.approx(-3600, abs=5)
        machine.ahead = timedelta(hours=1)
        await drift.look()
        assert (await drift.warning() or "").startswith("this machine's clock is 60 minutes ahead of PostgreSQL's; ")
        machine.ahead = timedelta()
        await drift.look()
        assert await drift.warning() is None
    await database.stop()


async def test_a_system_with_the_right_time_warns_of_nothing_although_its_own_clock_is_simulated(
    running: Inside,
) -> None:
    assert (await running.http.get("/readyz")).json() == {"ready": True, "problems": {}}
    metrics = (await running.http.get("/metrics")).text
    shown = [line for line in metrics.splitlines() if line.startswith("motcua_clock_ahead_seconds{")]
    assert len(shown) == 8 and all(abs(float(line.split()[-1])) < 5 for line in shown), shown
