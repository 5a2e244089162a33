"""The store of the bus is full: who sends is told, what services say waits in their outbox, one line says what to do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from nats.js.errors import ServiceUnavailableError

from services.embedded.nats import EmbeddedNats
from shared import topology
from tests.inside import UNIT, Inside, Lines, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
FULL = (
    "the store of the bus is full (insufficient resources); raise max_file_store or make room: "
    "nothing is lost, it goes on by itself"
)


@pytest_asyncio.fixture(loop_scope="module")
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    """A system whose bus may keep four megabytes."""
    configuration = EmbeddedNats._configuration

    def small(bus: EmbeddedNats) -> dict[str, Any]:
        wanted = configuration(bus)
        return wanted | {"jetstream": wanted["jetstream"] | {"max_file_store": 4_000_000}}

    monkeypatch.setattr(EmbeddedNats, "_configuration", small)
    with new_folder() as data:
        async with inside(data, "2025-11-06") as one:
            await one.settled()
            yield one


async def fill(running: Inside) -> None:
    """Leave less room than any event needs."""
    for size in (200_000, 20_000, 2_000, 200, 20, 1):
        with contextlib.suppress(ServiceUnavailableError):
            while True:
                await running.publish(topology.dead_subject("operator"), b"x" * size)


async def test_nothing_is_lost_while_the_bus_is_full_and_all_goes_on_when_there_is_room(running: Inside) -> None:
    facts = {"received_at": "2025-11-03", "due_at": "2025-11-06T17:00:00", "field": "Hộ tịch", "channel": "online"}
    await running.say(record("received", "A", "2025-11-03", **facts))
    await fill(running)
    with Lines() as lines:
        with pytest.raises(ServiceUnavailableError, match="insufficient resources"):  # a centre on the bus
            await running.publish(topology.onestop_subject(UNIT, "received"), b"{}")
        another = json.dumps(record("received", "B", "2025-11-03", **facts))
        answer = await running.http.post("/v1/records", content=another)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json() == {"error": "the bus takes nothing at the moment; send the same records again"}
        bad = await running.http.post("/v1/records", content=b'{"id": "no dead letter can be kept of it"}')
        assert (bad.status_code, bad.headers["Retry-After"]) == (503, "30")
        assert bad.json()["error"].startswith("a part of this system is full or away; nothing was lost")

        running.clock.advance(at("2025-11-07"))  # A is overdue, and nobody can be told
        await until(lambda: _tried(lines, 3), "three attempts to publish")
        ready = await running.http.get("/readyz")
        assert ready.status_code == 503
        problems = ready.json()["problems"]
        assert "dossier" in problems and set(map(str, problems.values())) == {f"['events do not leave: {FULL}']"}
        await until(lambda: _told(lines), "the service to say that it is not ready")

        await running.bus.jetstream().purge_stream(topology.DEAD)
        await running.settled()
        assert (await running.http.get("/readyz")).status_code == 200
    failures = [one["failures"] for one in lines.of("outbox_not_published", service="dossier", reason=FULL)]
    assert failures == [1, 2, 3, 4][: len(failures)]
    assert len(lines.of("not_ready", service="dossier")) == 1
    assert len(lines.of("statements_not_taken", reason=FULL, count=1)) == 1
    assert not [one for one in lines.all if one["traced"]], lines.all
    assert len(lines.all) <= 2 + 2 * (1 + 4), lines.all  # each of two services: once not ready, four attempts at most
    assert (await running.said("A")).count("overdue") == 1
    answer = await running.http.post("/v1/records", content=another)
    assert answer.json()["accepted"] == 1


async def _tried(lines: Lines, times: int) -> bool:
    return len(lines.of("outbox_not_published", service="dossier")) >= times


async def _told(lines: Lines) -> bool:
    return bool(lines.of("not_ready", service="dossier"))
