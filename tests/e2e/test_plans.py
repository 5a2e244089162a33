"""A plan's targets on their whole way: from records to figures, verdicts and events, by numbers counted on fingers."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.e2e.test_alerts import BINH_GIANG, Office, an_office

SUNDAY_EVENING, MONDAY = "2025-12-14T20:00:00+07:00", "2025-12-15T08:00:00+07:00"


def a_quarter() -> list[dict[str, Any]]:
    """Ten dossiers of the fourth quarter: nine in time, six of ten fees paid online, nine of ten people content."""
    records = []
    for number in range(10):
        code, fee = f"H24.103-251001-{number:04d}", {"fee_due": True, "paid_online": number < 6}
        finished = "2025-10-08T10:00:00+07:00" if number == 0 else "2025-10-07T10:00:00+07:00"
        steps = [
            (
                "received",
                "2025-10-01T08:00:00+07:00",
                {"due_at": "2025-10-07T17:00:00+07:00", "channel": "online", **fee},
            ),
            ("completed", finished, {}),
            ("rated", "2025-10-09T09:00:00+07:00", {"rating": 2 if number == 9 else 5}),
        ]
        records += [
            {
                "specversion": "1.0", "id": f"{code}-{kind}", "source": "/onestop/31/10966",
                "type": f"vn.motcua.onestop.{kind}.v1", "subject": code, "time": at,
                "data": {"unit": BINH_GIANG, "dossier": code, "field": "Hộ tịch", **facts},
            }
            for kind, at, facts in steps
        ]  # fmt: skip
    return records


async def plans(office: Office) -> dict[str, Any]:
    async with office._http() as http:
        return dict((await http.get(f"/v1/plans/{BINH_GIANG}")).json())


async def said(office: Office) -> Counter[tuple[str, str, str]]:
    """Events of stream INSPECTION so far: (event, target, period)."""
    bus = await nats.connect(office.system.servers.nats.url_of("operator"))
    last = (await bus.jetstream().stream_info("INSPECTION")).state.last_seq
    bodies = [json.loads((await bus.jetstream().get_msg("INSPECTION", n + 1)).data or b"") for n in range(last)]
    await bus.close()
    return Counter((one["type"].split(".")[3], one["data"]["target"], one["data"]["period"]) for one in bodies)


def of_quarter(shown: dict[str, Any], period: str = "2025-Q4") -> dict[str, tuple[int | None, int | None, str]]:
    targets = shown["plans"][0]["targets"]
    return {one["id"]: (one["hit"], one["base"], one["verdict"]) for one in targets if one["period"] == period}


def of_plan(shown: dict[str, Any]) -> dict[str, tuple[int | None, int | None, str]]:
    return of_quarter(shown, "plan")


async def test_a_quarter_is_measured_judged_when_it_is_over_and_each_verdict_is_said_once(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTCUA_MEASURE_SECONDS", "0.05")
    records = a_quarter()
    async with an_office(place / "data", {}, SUNDAY_EVENING, monkeypatch) as office:
        await office.say(*records)
        await office.digested()
        running = of_quarter(await plans(office))
        assert {name: running[name] for name in ("BG-T2", "BG-T4", "BG-T5", "BG-T6", "BG-T7", "BG-T12", "BG-T1")} == {
            "BG-T2": (9, 10, "behind"),
            "BG-T4": (9, 10, "on_track"),  # exactly 90 %
            "BG-T5": (0, 0, "no_value"),  # nobody asked about land or building
            "BG-T6": (10, 10, "needs_number"),
            "BG-T7": (6, 10, "on_track"),  # exactly 60 %
            "BG-T12": (0, 0, "no_value"),
            "BG-T1": (None, None, "by_evidence"),
        }
        assert not [one for one in await said(office) if one[0] != "task_progressed"]
        office.at(MONDAY)
        await office.until_plan(lambda shown: of_quarter(shown)["BG-T7"] == (6, 10, "met"))
        await office.digested()
        once = await said(office)
        verdicts = {one: count for one, count in once.items() if one[0] != "task_progressed"}
        assert verdicts == {
            ("target_missed", "BG-T2", "2025-Q4"): 1,
            ("target_met", "BG-T4", "2025-Q4"): 1,
            ("target_met", "BG-T7", "2025-Q4"): 1,
            **{("target_missed", one, "2025-Q4"): 1 for one in ("BG-T8", "BG-T9", "BG-T10", "BG-T14")},
        }
        office.at("2025-12-16T08:00:00+07:00")  # every plan is measured anew on each new day
        await office.digested()
        # and the departments' reports of the quarter, due on Monday, are late: 0 of 3
        once += Counter({("task_progressed", "BG-T15", period): 1 for period in ("plan", "half_year")})
        await office.until_plan(lambda shown: of_plan(shown)["BG-T15"] == (0, 3, "behind"))
        await office.digested()
        assert await said(office) == once
        shown = await plans(office)
    async with an_office(place / "data", {}, "2025-12-16T09:00:00+07:00", monkeypatch) as office:
        await office.digested()  # and after each start
        await office.digested()
        assert (await said(office), await plans(office)) == (once, shown)

    random.Random(3).shuffle(records)
    async with an_office(place / "other", {}, "2025-12-16T09:00:00+07:00", monkeypatch) as office:
        for start in range(0, len(records), 7):
            await office.say(*records[start : start + 7], *records[:3])
        await office.digested()
        assert await office.until_plan(lambda other: of_quarter(other) == of_quarter(shown)) == shown
