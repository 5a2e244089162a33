"""Publication on the real bus: files before the event, acknowledgements once, overdue ones told, whatever fails in between."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.reporting.publication import repository, usecases
from services.reporting.publication.store import FileStore
from shared import outbox, topology
from tests.bus.reports import (
    PERIOD,
    acknowledgement,
    bucket,
    city,
    close,
    names,
    publications,
    restate,
    said,
    two_dossiers,
)
from tests.e2e.running import MOTCUA
from tests.inside import UNIT, Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(180)]
STEM = f"II.06a_{UNIT}_{PERIOD}_v1"
FOLDER = f"{UNIT}/{PERIOD}/II.06a/v1"
SUBJECT = f"report.v1.{UNIT}.acknowledged"


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Inside]:
    """Monday 15/12/2025: the quarter ended yesterday; acknowledgements are due by Thursday, the third working day."""
    with new_folder() as data:
        async with inside(data, "2025-12-15") as one:
            await two_dossiers(one)
            yield one


async def files_over_http(running: Inside) -> dict[str, bytes]:
    found = dict[str, bytes]()
    for suffix in (".json", ".xlsx", ".pdf", ".docx", ".dossiers.jsonl"):
        params = {"unit": UNIT, "period": PERIOD, "suffix": suffix, "version": 1}
        found[f"{FOLDER}/{STEM}{suffix}"] = (await running.http.get("/v1/reports/file", params=params)).content
    return found


async def test_the_files_lie_in_the_bucket_before_the_event_says_so(
    running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_bucket_when_said = list[int]()
    add = outbox.add

    async def watching(session: Any, events: Any) -> None:
        in_bucket_when_said.append(len(await bucket(running)))
        await add(session, events)

    await close(running)
    await running.settled()
    assert await bucket(running) == await files_over_http(running)
    assert await names(running) == ["closed", "published"]
    [published] = await said(running, "published")
    document = json.loads((await files_over_http(running))[f"{FOLDER}/{STEM}.json"])
    assert published["data"] == document
    assert {one["object"] for one in document["files"]} == {
        f"{FOLDER}/{STEM}{suffix}" for suffix in (".xlsx", ".pdf", ".docx", ".dossiers.jsonl")
    }
    stored = await bucket(running)
    for one in document["files"]:
        assert hashlib.sha256(stored[one["object"]]).hexdigest() == one["sha256"]

    monkeypatch.setattr(usecases.outbox, "add", watching)
    async with running.database("reporting") as database:  # as `republish` does it, with one object lost
        store = await running.bus.jetstream().object_store(topology.REPORTS)
        await store.delete(f"{FOLDER}/{STEM}.pdf")
        await database.execute("UPDATE publication SET stored_at = NULL")
    await running.settled()
    assert in_bucket_when_said == [5]
    assert await bucket(running) == stored
    assert await names(running) == ["closed", "published"]


FAULTS: tuple[tuple[Any, str, int], ...] = (
    (FileStore, "put", 0),
    (FileStore, "put", 2),
    (FileStore, "put", 4),
    (usecases.outbox, "add", 0),
    (repository, "note_stored", 0),
)
"""Where publication is cut off: before the first file, between files, before the event, before the note."""


@pytest.mark.parametrize(("where", "what", "passes"), FAULTS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_cut_off_anywhere_it_is_published_once(
    running: Inside, monkeypatch: pytest.MonkeyPatch, where: Any, what: str, passes: int, after: bool
) -> None:
    real, calls, cut = getattr(where, what), [0], [False]

    async def failing(*given: Any, **named: Any) -> Any:
        mine = what != "add" or any(one.subject.endswith(".published") for one in given[1])
        calls[0] += mine
        due = mine and not cut[0] and calls[0] > passes
        if due and not after:
            cut[0] = True
            raise ConnectionError("cut off")
        done = await real(*given, **named)
        if due:
            cut[0] = True
            raise ConnectionError("cut off")
        return done

    monkeypatch.setattr(where, what, failing)
    await close(running)
    await running.settled()
    assert cut == [True]
    assert await names(running) == ["closed", "published"]
    assert await bucket(running) == await files_over_http(running)
    state = (await running.bus.jetstream().stream_info("OBJ_REPORTS", subjects_filter="$O.REPORTS.C.>")).state
    assert len(state.subjects or {}) == 5, "a file was stored twice"


async def test_a_version_is_said_after_its_predecessors(running: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    put, is_away = FileStore.put, [True]

    async def failing(self: FileStore, name: str, content: bytes, media_type: str) -> bool:
        if "/v1/" in name and is_away[0]:
            raise ConnectionError("the bucket is away")
        return await put(self, name, content, media_type)

    monkeypatch.setattr(FileStore, "put", failing)
    await close(running)
    await close(running, period="2025-Q3")  # of another period: not held up by its neighbour, but by its own v1
    is_away[0] = False
    await running.settled()
    is_away[0] = True
    async with running.database("reporting") as database:
        await database.execute("UPDATE publication SET stored_at = NULL, published_at = NULL WHERE period = '2025-Q4'")
        await database.execute("DELETE FROM outbox WHERE event_id LIKE '%/published' AND event_id LIKE '%2025-Q4%'")
    await publish_v2_while_v1_waits(running)
    assert [one["version"] for one in await publications(running) if one["published_at"] is None] == [1, 2]
    is_away[0] = False
    await running.settled()
    async with running.database("reporting") as database:
        order = await database.fetch(
            "SELECT event_id FROM outbox WHERE event_id LIKE '%2025-Q4%' AND event_id NOT LIKE '%/owed/%' ORDER BY id"
        )
    assert [one["event_id"].split("/")[-1] for one in order] == ["closed", "published", "restated"]


async def publish_v2_while_v1_waits(running: Inside) -> None:
    body = json.dumps(record("completed", "B", "2025-10-20"))
    assert (await running.http.post("/v1/records", content=body)).json()["accepted"] == 1

    async def proposed() -> Any:
        return (await running.http.get("/v1/reports/proposals", params={"unit": UNIT})).json()

    [proposal] = await until(proposed, "a proposal to restate")
    answer = await running.http.post(f"/v1/reports/proposals/{proposal['id']}/approve", json={"as": "approver"})
    assert answer.status_code == 200, answer.text


async def test_an_acknowledgement_counts_once_and_wrong_ones_are_told_why(running: Inside) -> None:
    report = await close(running)
    await running.settled()
    letters = await running.last(topology.DEAD)
    bus = await city(running)
    try:
        js = bus.jetstream()
        wrong = {
            "unknown": acknowledgement(report, id="w1", period="2025-Q2"),
            "newer": acknowledgement(report, id="w2", version=2),
            "figures": acknowledgement(report, id="w3", fingerprint="0" * 64),
            "unit": acknowledgement(report, id="w4", unit="10510"),
            "unreadable": b"{",
        }
        for body in wrong.values():
            await js.publish(SUBJECT, body)
        await running.settled()
        assert [one["data"]["reason"].split(":")[0] for one in await said(running, "acknowledgement_refused")] == [
            f"unknown report II.06a/2025-Q2 v1 of unit {UNIT}",
            f"unknown report II.06a/2025-Q4 v2 of unit {UNIT}",
            "another fingerprint than II.06a/2025-Q4 v1 has; take the report from the bus again",
            f"the subject names unit {UNIT}, data.unit is 10510",
            "is no acknowledgement",
        ]
        assert len(await running.letters("reporting", letters)) == 1
        [waiting] = await publications(running)
        assert (waiting["acknowledge_by"], waiting["acknowledged_at"]) == ("2025-12-18", None)

        for id_ in ("a1", "a1", "a2"):
            await js.publish(SUBJECT, acknowledgement(report, id=id_))
        await running.settled()
        [accepted] = await said(running, "acknowledgement_accepted")
        assert {name: accepted["data"][name] for name in ("report", "version", "fingerprint", "by", "late")} == {
            "report": "II.06a/2025-Q4", "version": 1, "fingerprint": report["fingerprint"], "by": "/city", "late": False,
        }  # fmt: skip
        assert len(await said(running, "acknowledgement_refused")) == len(wrong)

        second = await restate(running)
        await running.settled()
        await js.publish(SUBJECT, acknowledgement(report, id="a3"))  # v1 counted when it came
        await running.settled()
        assert len(await said(running, "acknowledgement_refused")) == len(wrong)
        await js.publish(SUBJECT, acknowledgement(second, id="a4"))
        await running.settled()
        assert [one["data"]["version"] for one in await said(running, "acknowledgement_accepted")] == [1, 2]
        assert [one["acknowledged_at"] is not None for one in await publications(running)] == [True, True]
    finally:
        await bus.close()


async def test_what_was_superseded_before_is_refused_and_the_newest_is_asked_for(running: Inside) -> None:
    report = await close(running)
    await restate(running)
    await running.settled()
    bus = await city(running)
    await bus.jetstream().publish(SUBJECT, acknowledgement(report))
    await bus.close()
    await running.settled()
    [refused] = await said(running, "acknowledgement_refused")
    assert refused["data"]["reason"] == "II.06a/2025-Q4 v1 is superseded; acknowledge v2"
    assert refused["data"]["newest"] == 2
    running.clock.advance(at("2025-12-19"))
    await until(lambda: said(running, "acknowledgement_overdue"), "the newest version to be overdue")
    await running.settled()
    assert [one["data"]["version"] for one in await said(running, "acknowledgement_overdue")] == [2]


async def alerts(running: Inside, rule: str) -> list[dict[str, Any]]:
    found = (await running.http.get("/v1/alerts", params={"unit": UNIT, "limit": 1000})).json()
    return [one for one in found if one["rule"] == rule]


async def test_an_overdue_acknowledgement_is_told_once_and_not_on_the_last_day(running: Inside) -> None:
    report = await close(running)
    await running.settled()
    running.clock.advance(at("2025-12-18T23:00:00"))
    remind = next(task.__self__ for task in running.system.services[2].tasks if "Remind" in task.__qualname__)  # type: ignore[attr-defined]
    assert await remind() == 0
    running.clock.advance(at("2025-12-19T00:00:01"))
    await until(lambda: said(running, "acknowledgement_overdue"), "the overdue event")
    await running.settled()
    assert await remind() == 0
    [overdue] = await said(running, "acknowledgement_overdue")
    assert (overdue["data"]["due"], overdue["data"]["version"]) == ("2025-12-18", 1)
    told = await alerts(running, "report-unacknowledged")
    assert sorted(one["role"] for one in told) == ["lanh-dao", "thanh-pho"]
    async with running.database("notification") as database:
        body = await database.fetchval("SELECT body FROM alert WHERE rule = 'report-unacknowledged' LIMIT 1")
    assert "Phiên bản 1 đã công bố" in body and "hết ngày 18/12/2025" in body

    bus = await city(running)
    await bus.jetstream().publish(SUBJECT, acknowledgement(report))
    await bus.close()
    await running.settled()
    assert [one["data"]["late"] for one in await said(running, "acknowledgement_accepted")] == [True]


async def test_one_said_in_time_but_not_read_yet_is_not_called_overdue(
    running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await close(running)
    await running.settled()
    note, is_away, tried = repository.note_acknowledged, [True], [0]

    async def failing(*given: Any) -> bool:
        if is_away[0]:
            tried[0] += 1
            raise ConnectionError("the database is away")
        return await note(*given)

    monkeypatch.setattr(repository, "note_acknowledged", failing)
    bus = await city(running)
    await bus.jetstream().publish(SUBJECT, acknowledgement(report))
    await bus.close()

    async def was_tried() -> bool:
        return tried[0] > 0

    await until(was_tried, "the acknowledgement to be tried")
    running.clock.advance(at("2025-12-22"))
    remind = next(task.__self__ for task in running.system.services[2].tasks if "Remind" in task.__qualname__)  # type: ignore[attr-defined]
    assert await remind() == 0
    is_away[0] = False
    await until(lambda: said(running, "acknowledgement_accepted"), "the acknowledgement", 60)
    await running.settled()
    assert await remind() == 0
    assert await said(running, "acknowledgement_overdue") == []


async def test_a_wiped_bus_gets_its_files_back(running: Inside) -> None:
    await close(running)
    await running.settled()
    before = await bucket(running)
    js = running.bus.jetstream()
    for stream in ("REPORT", "OBJ_REPORTS"):
        await js.purge_stream(stream)
    assert await bucket(running) == {}
    process = await asyncio.create_subprocess_exec(MOTCUA, "republish", "--data", str(running.data))
    assert await process.wait() == 0
    await running.settled()
    assert await bucket(running) == before
    assert await names(running) == ["closed", "published"]


async def test_a_city_is_the_sum_of_its_communes(running: Inside) -> None:
    other = "10510"
    facts = {"received_at": "2025-10-01", "due_at": "2025-10-08", "unit": other}
    await running.say(
        record("received", "C", "2025-10-01", field="Hộ tịch", channel="direct", **facts),
        record("received", "D", "2025-10-01", field="Đất đai", channel="online", **facts),
        record("completed", "C", "2025-10-06", unit=other),
    )
    await close(running)
    await running.settled()
    answer = await running.http.get("/v1/reports/city", params={"city": "31", "period": PERIOD})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    cells = ("c3", "c4", "c5", "c7", "c8", "c9", "c11", "c13")
    assert (found["from"], found["to"], found["name"]) == ("2025-09-15", "2025-12-14", "Thành phố Hải Phòng")
    assert [(row["field"], *(row[one] for one in cells)) for row in found["rows"]] == [
        ("Hộ tịch", 3, 2, 1, 2, 1, 1, 1, 1),
        ("Đất đai", 1, 1, 0, 0, 0, 0, 1, 1),
    ]
    assert [found["total"][one] for one in cells] == [4, 3, 1, 2, 1, 1, 2, 2]
    assert len(found["units"]) == 114
    communes = {one["unit"]: one for one in found["units"]}
    assert [communes[UNIT]["total"][one] for one in cells] == [2, 2, 0, 1, 0, 1, 1, 1]
    assert [communes[other]["total"][one] for one in cells] == [2, 1, 1, 1, 1, 0, 1, 1]
    assert sum(one["total"]["c3"] for one in found["units"]) == 4
    assert communes[UNIT]["report"]["version"] == 1 and communes[other]["report"] is None
    for unit in (UNIT, other):
        assert communes[unit]["total"] == (await running.figures("2025-09-15", "2025-12-14", unit=unit))["total"]

    for params, status in (
        ({"city": "99", "period": PERIOD}, 404),
        ({"city": "31", "period": "2025-Q9"}, 400),
        ({"city": "31", "period": "2025-Q2"}, 400),
        ({"city": "31"}, 400),
        ({"city": "31", "from": "2025-12-14", "to": "2025-09-15"}, 400),
        ({"city": "31", "period": PERIOD, "form": "II.99"}, 400),
    ):
        assert (await running.http.get("/v1/reports/city", params=params)).status_code == status, params
