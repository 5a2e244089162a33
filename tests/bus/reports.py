"""Reports of a quarter on the real system, the city's account, and what became of both."""

from __future__ import annotations

import base64
import json
from typing import Any

import nats
from nats.aio.client import Client

from shared import topology
from tests.inside import UNIT, Inside, record, until

PERIOD = "2025-Q4"


async def two_dossiers(running: Inside, unit: str = UNIT) -> None:
    """One done on time, one open and late: c3 = 2, c9 = 1, c13 = 1."""
    facts = {"received_at": "2025-10-01", "due_at": "2025-10-08", "field": "Hộ tịch", "channel": "online", "unit": unit}
    await running.say(
        record("received", "A", "2025-10-01", **facts),
        record("received", "B", "2025-10-01", **facts),
        record("completed", "A", "2025-10-08", unit=unit),
    )


async def close(running: Inside, unit: str = UNIT, period: str = PERIOD, form: str = "II.06a") -> dict[str, Any]:
    answer = await running.http.post("/v1/reports/close", json={"unit": unit, "period": period, "form": form})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def restate(running: Inside, unit: str = UNIT) -> dict[str, Any]:
    """B was done late after all, said late; the proposal is approved."""
    await running.say(record("completed", "B", "2025-10-20", unit=unit))

    async def proposed() -> Any:
        return (await running.http.get("/v1/reports/proposals", params={"unit": unit})).json()

    [proposal] = await until(proposed, "a proposal to restate")
    answer = await running.http.post(f"/v1/reports/proposals/{proposal['id']}/approve", json={"as": "approver"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def said(running: Inside, *events: str, unit: str = UNIT) -> list[dict[str, Any]]:
    """Events of these names about the unit's reports; each name in the order of the stream."""
    return [one for event in events for one in await running.messages(topology.REPORT, f"report.v1.{unit}.{event}")]


async def names(running: Inside, unit: str = UNIT) -> list[str]:
    """The names of all events about the unit's closed reports, in the order of the stream; not of those that are owed."""
    found = await running.messages(topology.REPORT, f"report.v1.{unit}.*")
    return [name for one in found if not (name := one["type"].split(".")[-2]).startswith("unit_report_")]


async def publications(running: Inside, unit: str = UNIT) -> list[dict[str, Any]]:
    return list((await running.http.get("/v1/reports/publications", params={"unit": unit})).json())


async def bucket(running: Inside) -> dict[str, bytes]:
    """Every object as the ordinary client of the operator reads it; it checks each object's own checksum."""
    store = await running.bus.jetstream().object_store(topology.REPORTS)
    found = dict[str, bytes]()
    js = running.bus.jetstream()
    state = (await js.stream_info("OBJ_REPORTS", subjects_filter="$O.REPORTS.M.>")).state
    for subject in state.subjects or {}:
        name = base64.urlsafe_b64decode(subject.split(".")[-1]).decode()
        found[name] = bytes((await store.get(name)).data or b"")
    return found


async def city(running: Inside) -> Client:
    return await nats.connect(
        running.system.servers.nats.url_of(topology.CITY), inbox_prefix=topology.inbox_of(topology.CITY).encode()
    )


def acknowledgement(report: dict[str, Any], *, id: str = "ack-1", **changed: Any) -> bytes:
    names_ = ("unit", "form", "period", "version", "fingerprint")
    return json.dumps({
        "specversion": "1.0", "id": id, "source": "/city", "type": "vn.motcua.report.acknowledged.v1",
        "subject": "II.06a", "time": "2025-12-16T08:00:00+07:00",
        "data": {**{name: report[name] for name in names_}, **changed},
    }).encode()  # fmt: skip
