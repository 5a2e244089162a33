"""Late for real and late on paper, on the real system: figures of a window and the lists behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.inside import UNIT, Inside, at, inside, new_folder, record

WINDOW = {"unit": UNIT, "from": "2025-11-01", "to": "2025-11-30"}


def received(dossier: str, due: str, field: str) -> dict[str, Any]:
    return record("received", dossier, "2025-11-03T07:30:00", due_at=f"{due}T17:00:00", field=field, agency="van-phong")


async def listed(system: Inside, **chosen: str) -> list[dict[str, Any]]:
    found, after = list[dict[str, Any]](), ""
    while True:
        answer = await system.http.get(
            "/v1/lateness/dossiers", params={**WINDOW, **chosen, "after": after, "limit": "1"}
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if (after := answer.json()["next"]) is None:
            return found


@pytest.mark.asyncio
async def test_figures_and_lists_of_a_slow_feed() -> None:
    with new_folder() as folder:
        async with inside(folder, "2025-11-03T08:00:00") as system:
            await system.say(
                received("D1", "2025-11-05", "Hộ tịch"),
                received("D2", "2025-11-05", "Hộ tịch"),
                received("D3", "2025-11-05", "Đất đai"),
                received("D4", "2025-11-20", "Đất đai"),
                received("D5", "2025-11-05", "Đất đai"),
                record("received", "D6", "2025-11-03T07:30:00", due_at="2025-11-05T17:00:00"),
            )
            system.clock.advance(at("2025-11-05T16:30:00"))
            await system.say(record("completed", "D5", "2025-11-05T16:00:00"))
            # D1 was done in time, and the feed was silent about it until Friday; D2 was done late; D3 is still open
            system.clock.advance(at("2025-11-07T09:00:00"))
            await system.say(
                record("completed", "D1", "2025-11-05T16:00:00"), record("completed", "D2", "2025-11-06T10:00:00")
            )
            system.clock.advance(at("2025-11-10T08:00:00"))
            await system.say(record("processing", "D4", "2025-11-10T07:45:00"))
            # a petition may have the code of a dossier: the journal keeps both, and neither is the other's
            petition = record("petition.received", "D2", "2025-11-06T10:30:00")
            petition["data"]["petition"] = petition["data"].pop("dossier")
            await system.say(petition)
            by_field = (await system.http.get("/v1/lateness", params=WINDOW)).json()
            found = {one["name"]: (one["late_for_real"], one["late_on_paper"]) for one in by_field["groups"]}
            assert found == {"Hộ tịch": (1, 1), "Đất đai": (1, 0), None: (1, 0)}
            assert (by_field["total"]["late_for_real"], by_field["total"]["late_on_paper"]) == (3, 1)
            # D1: Thursday 00:00 to Friday 09:00; D2: from its end on Thursday 10:00 to Friday 09:00
            assert by_field["groups"][0]["minutes"]["stream"] == 33 * 60 + 23 * 60
            by_agency = (await system.http.get("/v1/lateness", params={**WINDOW, "by": "agency"})).json()
            assert by_agency["total"] == by_field["total"]
            assert [one["name"] for one in by_agency["groups"]] == ["van-phong", None]

            late = await listed(system)
            assert [(one["dossier"], one["late"]) for one in late] == [
                ("D1", "paper"),
                ("D2", "real"),
                ("D3", "real"),
                ("D6", "real"),
            ]
            assert all(sum(one["minutes"].values()) == one["total_minutes"] for one in late)
            for cause, minutes in by_field["total"]["minutes"].items():
                assert sum(one["minutes"][cause] for one in late) == minutes, "a figure is the sum of its list"
            for group in by_field["groups"]:
                for kind, count in (("real", group["late_for_real"]), ("paper", group["late_on_paper"])):
                    assert len(await listed(system, late=kind, by="field", name=group["name"] or "")) == count

            backwards = await system.http.get("/v1/lateness", params={**WINDOW, "to": "2025-10-01"})
            assert (backwards.status_code, "earlier day first" in backwards.text) == (400, True)
            assert (await system.http.get("/v1/lateness", params={**WINDOW, "unit": "99999"})).status_code == 404


@pytest.mark.asyncio
async def test_a_file_tells_nothing_of_the_feed() -> None:
    with new_folder() as folder:
        async with inside(folder, "2025-11-10T08:00:00") as system:
            await system.say(received("D1", "2025-11-05", "Hộ tịch"), door="file")
            system.clock.advance(at("2025-11-12T08:00:00"))
            await system.say(record("completed", "D1", "2025-11-05T16:00:00"), door="file")
            found = (await system.http.get("/v1/lateness", params=WINDOW)).json()
            assert found["groups"] == []


@pytest.mark.asyncio
async def test_what_still_waits_on_the_bus_makes_nobody_late() -> None:
    with new_folder() as folder:
        async with inside(folder, "2025-11-03T08:00:00") as system:
            await system.say(received("D1", "2025-11-07", "Hộ tịch"))
            system.clock.advance(at("2025-11-07T16:00:00"))  # its source is not silent: only the backlog holds it back
            await system.say(received("D2", "2025-11-20", "Hộ tịch"))
            service = next(one for one in system.system.services if one.name == "dossier")
            async with system.database("dossier") as database:
                await database.execute("BEGIN; LOCK TABLE journal IN SHARE MODE")  # reading goes on, recording waits
                word = record("completed", "D1", "2025-11-07T16:30:00")
                await system.publish(f"onestop.v1.{UNIT}.completed", json.dumps(word).encode())
                system.clock.advance(at("2025-11-10T08:00:00"))
                assert (await service.waiting())["dossier.dossier"] == 1
                held = (await system.http.get("/v1/lateness", params=WINDOW)).json()
                await database.execute("ROLLBACK")
            await system.settled()
            told = (await system.http.get("/v1/lateness", params=WINDOW)).json()
    assert held["groups"] == []
    # recorded now: in truth in time, and by what the office could see overdue for days
    assert (told["total"]["late_for_real"], told["total"]["late_on_paper"]) == (0, 1)
