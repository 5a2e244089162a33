"""The clocks through the real doors: measured behind the journal, differences listed, an edited calendar followed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from services.provisioning import DATABASE
from services.system import System, start_system
from shared.clock import SimulatedClock
from shared.localtime import LOCAL
from shared.settings import RULES

STORM = """
  - date: 2025-11-05
    kind: off
    name_vi: Nghỉ do bão
    known_since: 2025-11-04
    source: thử
"""


def record(kind: str, dossier: str, time: str, **facts: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{dossier}-{kind}-{time}",
        "source": "/onestop/31/10966",
        "type": f"vn.motcua.onestop.{kind}.v1",
        "subject": dossier,
        "time": f"{time}:00+07:00",
        "data": {"unit": "10966", "dossier": dossier, **facts},
    }


def filed(dossier: str, due: str, **facts: Any) -> list[dict[str, Any]]:
    """Filed online on Friday 31/10/2025 at 16:00, taken in on Monday at 08:30: adding a guardian, 3 working days."""
    known = {"procedure": "1.004837.H24", "channel": "online", "field": "Hộ tịch"} | facts
    return [
        record("submitted", dossier, "2025-10-31T16:00", **known),
        record("received", dossier, "2025-11-03T08:30", due_at=f"{due}:00+07:00", **known),
    ]


async def until(ready: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(60):
        while not (found := await ready()):
            await asyncio.sleep(0.1)
    return found


class Door:
    def __init__(self, system: System) -> None:
        headers = {"Authorization": f"Bearer {system.token}"}
        self.http = httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60)

    async def say(self, records: list[dict[str, Any]]) -> None:
        answer = await self.http.post("/v1/records", json=records)
        assert answer.json()["accepted"] == len(records), answer.text

    async def clocks(self, dossier: str, revision: int) -> dict[str, Any]:
        async def measured() -> dict[str, Any] | None:
            answer = await self.http.get(f"/v1/dossiers/10966/{dossier}/clocks")
            return answer.json() if answer.status_code == 200 and answer.json()["revision"] >= revision else None

        found: dict[str, Any] = await until(measured)
        return found


@pytest.fixture
async def rules(place: Path) -> Path:
    return Path(shutil.copytree(RULES, place / "rules"))


@pytest.fixture
async def system(place: Path, rules: Path) -> AsyncIterator[System]:
    clock = SimulatedClock(datetime(2025, 11, 4, 9, tzinfo=LOCAL))
    async with start_system(place / "data", clock=clock, rules=rules, overrides={"clocks_seconds": 0.1}) as system:
        yield system


async def test_three_clocks_differences_and_an_edited_calendar(system: System, rules: Path) -> None:
    door = Door(system)
    await door.say(filed("A-1", "2025-11-06T17:00") + filed("03706/2025/07906", "2025-11-10T17:00"))
    await door.say([*filed("A-3", "2025-11-04T17:00"), record("completed", "A-3", "2025-11-04T08:00")])

    found = await door.clocks("A-1", 2)
    assert found["clocks"]["intake"]["due_at"] == "2025-11-03T16:30:00+07:00"
    assert found["clocks"]["promise"]["due_at"] == "2025-11-06T17:00:00+07:00"
    assert found["clocks"]["statutory"] == [{"limit": "3 ngày làm việc", "due_at": "2025-11-06T17:00:00+07:00"}]
    assert found["standing"] == {"intake": "met", "promise": "running", "statutory": "running"}
    assert (found["findings"], found["changes"]) == ([], [])

    slashed = await door.clocks("03706/2025/07906", 2)
    assert [(one["code"], one["source"], one["details"]["computed"]) for one in slashed["findings"]] == [
        ("promise_later", "clocks", ["2025-11-06"])
    ]
    await door.clocks("A-3", 3)
    first = (await door.http.get("/v1/clocks/differences", params={"unit": "10966", "limit": 1})).json()
    assert [one["dossier"] for one in first["items"]] == ["03706/2025/07906"]
    rest = (await door.http.get("/v1/clocks/differences", params={"unit": "10966", "after": first["next"]})).json()
    assert [(one["dossier"], one["code"]) for one in rest["items"]] == [("A-3", "promise_earlier")]
    assert rest["next"] is None

    calendar = rules / "calendars" / "vn.yaml"
    calendar.write_text(calendar.read_text("utf-8").rstrip() + STORM, "utf-8")

    async def moved() -> dict[str, Any] | None:
        found = await door.clocks("A-1", 2)
        return found if found["changes"] else None

    after = await until(moved)
    assert after["clocks"]["statutory"][0]["due_at"] == "2025-11-07T17:00:00+07:00"
    assert after["clocks"]["promise"]["due_at"] == "2025-11-06T17:00:00+07:00"  # the slip stays
    assert [one["code"] for one in after["findings"]] == ["calendar_changed_since_promise"]
    [change] = after["changes"]
    assert (change["reason"], change["before"]["statutory"][0]["due_at"]) == (
        "calendar: 2025-11-05 off",
        "2025-11-06T17:00:00+07:00",
    )
    finished = await door.clocks("A-3", 3)
    assert (finished["changes"], finished["clocks"]["statutory"][0]["due_at"]) == ([], "2025-11-06T17:00:00+07:00")

    stranger = await door.http.get("/v1/dossiers/10966/nobody/clocks")
    assert stranger.status_code == 404
    nobody = httpx.AsyncClient(base_url=system.url)
    assert (await nobody.get("/v1/clocks/differences", params={"unit": "10966"})).status_code == 401


async def test_what_was_not_measured_is_found_at_the_next_start(place: Path, rules: Path) -> None:
    clock = SimulatedClock(datetime(2025, 11, 4, 9, tzinfo=LOCAL))
    async with start_system(place / "data", clock=clock, rules=rules, overrides={"clocks_seconds": 3600}) as system:
        door, journal = Door(system), await asyncpg.connect(system.servers.postgres_dsn("dossier", DATABASE))
        # the job has looked once, and rests for an hour
        await until(lambda: journal.fetchval("SELECT count(*) FROM dossier.clock_book"))
        await journal.close()
        await door.say(filed("A-1", "2025-11-06T17:00"))
        assert (await door.http.get("/v1/dossiers/10966/A-1/clocks")).status_code == 404
    (rules / "calendars" / "vn.yaml").write_text((RULES / "calendars" / "vn.yaml").read_text("utf-8") + STORM, "utf-8")
    async with start_system(place / "data", clock=clock, rules=rules) as system:
        found = await Door(system).clocks("A-1", 2)
        assert found["clocks"]["statutory"][0]["due_at"] == "2025-11-07T17:00:00+07:00"


async def test_a_calendar_with_a_mistake_is_refused_and_the_old_one_stays(system: System, rules: Path) -> None:
    door = Door(system)
    calendar = rules / "calendars" / "vn.yaml"
    calendar.write_text(calendar.read_text("utf-8") + STORM.replace("off", "of"), "utf-8")
    await door.say(filed("A-1", "2025-11-06T17:00"))
    found = await door.clocks("A-1", 2)
    assert found["clocks"]["statutory"][0]["due_at"] == "2025-11-06T17:00:00+07:00"
