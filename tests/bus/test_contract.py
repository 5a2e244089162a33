"""What the running system really says, held against the schemas that partners read: every message of every stream."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from shared import topology
from shared.contract import asyncapi
from tests.bus.reports import acknowledgement, city, close, restate, two_dossiers
from tests.bus.subjects import covers
from tests.inside import UNIT, Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(240)]
DOCS = Path(__file__).parents[2] / "docs" / "integrate"
OTHER = "10510"
THURSDAY, FRIDAY, MONDAY, NEXT_FRIDAY = "2025-12-11", "2025-12-12T16:30:00", "2025-12-15", "2025-12-19"
SAID = {
    "onestop.received", "onestop.completed", "onestop.petition.received", "onestop.petition.answered",
    "dossier.received", "dossier.resolved", "dossier.overdue", "petition.received", "petition.answered",
    "source.silent", "source.heard_again", "source.scorecard", "plan.task_progressed",
    "report.closed", "report.published", "report.restated", "report.acknowledged", "report.acknowledgement_accepted",
    "report.acknowledgement_refused", "report.acknowledgement_overdue", "report.unit_report_opened",
    "report.unit_report_due", "report.unit_report_late", "report.unit_report_sent", "alert.decided", "dead.kept",
}  # fmt: skip
"""What the days below bring about at least, written by hand."""


@pytest_asyncio.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    for name in ("WATCH", "OBLIGATIONS", "MEASURE", "DELIVER"):
        monkeypatch.setenv(f"MOTCUA_{name}_SECONDS", "0.05")
    with new_folder() as data:
        async with inside(data, THURSDAY) as one:
            yield one


def petition(kind: str, when: str, **facts: Any) -> dict[str, Any]:
    one = record(f"petition.{kind}", "P-1", when, **facts)
    del one["data"]["dossier"]
    return {**one, "source": "/pakn/31", "data": {"petition": "P-1", **one["data"]}}


async def heard(running: Inside) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Every message of every stream as (subject, message), by its name: `report.closed`."""
    found = defaultdict[str, list[tuple[str, dict[str, Any]]]](list)
    for stream in topology.STREAMS:
        for number in range(1, await running.last(stream) + 1):
            raw = await running.bus.jetstream().get_msg(stream, seq=number)
            if (raw.subject or "").startswith("onestop.") and raw.data == b"not a record":
                continue
            message = json.loads(raw.data or b"")
            name = str(message["type"]).removeprefix("vn.motcua.").removesuffix(".v1")
            found[name].append((raw.subject or "", message))
    return found


async def live_through_a_quarter(running: Inside) -> None:
    """Two units' dossiers and a petition, a silent day, reports closed, restated, acknowledged and forgotten."""
    await two_dossiers(running)
    await two_dossiers(running, OTHER)
    await running.say(petition("received", THURSDAY, received_at=THURSDAY), petition("answered", THURSDAY))
    await running.publish(f"onestop.v1.{UNIT}.received", b"not a record")
    running.clock.advance(at(FRIDAY))
    await some(running, topology.DOSSIER, f"source.v1.{UNIT}.silent")
    await running.say(record("received", "C", FRIDAY, received_at=FRIDAY, due_at="2025-12-22T17:00:00"))
    await some(running, topology.DOSSIER, f"source.v1.{UNIT}.heard_again")
    running.clock.advance(at(MONDAY))
    await some(running, topology.DOSSIER, f"source.v1.{UNIT}.scorecard")
    await close(running)
    await close(running, OTHER)
    report = await restate(running)
    await some(running, topology.REPORT, f"report.v1.{UNIT}.restated")
    client = await city(running)
    for body in (acknowledgement(report, id="good"), acknowledgement(report, id="bad", fingerprint="another")):
        await client.publish(f"report.v1.{UNIT}.acknowledged", body)
    await client.close()
    await some(running, topology.REPORT, f"report.v1.{UNIT}.acknowledgement_refused")
    running.clock.advance(at(NEXT_FRIDAY))
    await some(running, topology.REPORT, f"report.v1.{OTHER}.acknowledgement_overdue")
    await some(running, topology.REPORT, "report.v1.*.unit_report_late")
    await running.settled()


async def some(running: Inside, stream: str, subject: str) -> None:
    async def found() -> bool:
        return bool(await running.messages(stream, subject))

    await until(found, f"a message on {subject}", 60)


async def test_every_message_of_every_stream_is_what_its_channel_promises(running: Inside) -> None:
    await live_through_a_quarter(running)
    said, contract = await heard(running), asyncapi()
    assert said.keys() >= SAID
    for name, messages in said.items():
        for subject, message in messages:
            [schema] = [one for channel in contract["channels"].values() if (one := schema_on(channel, subject))]
            problems = [f"{one.json_path}: {one.message}" for one in schema.iter_errors(message)]
            assert problems == [], f"{name} on {subject}: {message}"


async def test_a_report_of_the_first_release_is_still_a_signed_report() -> None:
    schema = Draft202012Validator(json.loads((DOCS / "schemas" / "signed-report.json").read_text("utf-8")))
    golden = Path(__file__).parents[1] / "golden" / "0.1.0" / "II.06a_10966_2025-Q4_v1.json"
    document = json.loads(golden.read_text("utf-8"))
    assert list(schema.iter_errors(document)) == []
    assert not schema.is_valid({**document, "total": None})


def schema_on(channel: dict[str, Any], subject: str) -> Draft202012Validator | None:
    """The schema file that a channel names, when the subject is one of its addresses."""
    words = next((one["enum"] for one in channel["parameters"].values() if "enum" in one), ())
    prefix = channel["address"].replace("{unit}", "*").rpartition("{")[0]
    if not any(covers(prefix + word, subject) for word in words):
        return None
    [message] = channel["messages"].values()
    return Draft202012Validator(json.loads((DOCS / message["payload"]["$ref"]).read_text("utf-8")))
