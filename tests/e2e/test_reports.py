"""Figures equal the lists behind them, whatever happens to the dossiers; a closed report never changes."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.reporting import repository
from services.reporting.repository.rollup import summed_by_size
from shared import topology
from shared.bus import publish_atomically
from tests.inside import UNIT, Inside, inside, new_folder, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

FIELDS = ["Hộ tịch", "Đất đai", "Chứng thực"]
COLUMNS = [f"c{number}" for number in range(3, 14)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as one:
            yield one


async def rows_equal_spans(running: Inside, unit: str, begin: str, end: str) -> dict[str, Any]:
    """The figures, after comparing each cell with the spans counted one by one."""
    shown = await running.figures(begin, end, unit=unit)
    async with running.database("reporting") as database, database.transaction():
        counted = await repository.count_spans(database, [unit], date.fromisoformat(begin), date.fromisoformat(end))
    slowly = {
        one["field"]: {c: one[c] for c in COLUMNS}
        for one in counted.get(unit, ())
        if one["c3"] or one["c7"] or one["c11"]
    }
    assert {row["field"]: {c: row[c] for c in COLUMNS} for row in shown["rows"]} == slowly
    return shown


async def lists_equal_cells(running: Inside, shown: dict[str, Any]) -> None:
    for row in [*shown["rows"], {**shown["total"], "field": None}]:
        for column in COLUMNS:
            where = {"unit": shown["unit"], "from": shown["from"], "to": shown["to"], "column": column, "limit": 10_000}
            asked = where | ({"field": row["field"]} if row["field"] else {})
            behind = (await running.http.get("/v1/reports/behind", params=asked)).json()
            assert len(behind) == row[column], (row["field"], column)
            assert len({one["code"] for one in behind}) == len(behind)


async def test_every_cell_of_a_real_log_equals_its_list_and_the_independent_figures(
    running: Inside, shared_data: Path
) -> None:
    lines = gzip.decompress((shared_data / "receipt" / "records.jsonl.gz").read_bytes()).splitlines()
    for start in range(0, len(lines), 5_000):
        body = b"[" + b",".join(lines[start : start + 5_000]) + b"]"
        answer = await running.http.post("/v1/records", params={"door": "file"}, content=body)
        assert answer.json()["rejected"] == 0
    await running.settled()
    for path in sorted((shared_data / "receipt" / "expected_records").glob("*.json")):
        wanted = json.loads(path.read_text("utf-8"))
        shown = await rows_equal_spans(running, wanted["unit"], wanted["from"], wanted["to"])
        assert shown == wanted
        await lists_equal_cells(running, shown)


def life(number: int, dice: random.Random) -> list[dict[str, Any]]:
    """The statements of one random dossier, most of them correcting or contradicting earlier ones."""
    code = f"R-{number}"
    kinds = [
        "processing",
        "supplement_requested",
        "supplemented",
        "completed",
        "withdrawn",
        "returned",
        "updated",
        "stopped",
    ]
    said = [
        record("received", code, f"2025-0{dice.randint(7, 9)}-{dice.randint(10, 28)}", field=dice.choice(FIELDS),
               channel=dice.choice(["online", "direct", "post"]), due_at=f"2025-10-{dice.randint(10, 28)}")
    ]  # fmt: skip
    for step in range(dice.randint(0, 6)):
        kind = dice.choice(kinds)
        facts: dict[str, Any] = {}
        if kind == "updated":
            facts = dice.choice([
                {"field": dice.choice(FIELDS)}, {"received_at": f"2025-09-{dice.randint(10, 28)}"},
                {"channel": "online"}, {"due_at": f"2025-11-{dice.randint(10, 28)}"},
            ])  # fmt: skip
        when = f"2025-{dice.choice(['08', '09', '10', '11', '12'])}-{dice.randint(10, 28)}"
        said.append(record(kind, code, when, id=f"{code}-{step}", **facts))
    return said


def random_windows(dice: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Windows between 2024 and 2026; the 14th, the 15th and the first of a month come often."""
    for _ in range(count):
        days = sorted(
            date(dice.choice([2024, 2025, 2025, 2025, 2026]), dice.randint(1, 12), dice.choice([1, 14, 15, dice.randint(1, 28)]))
            for _ in range(2)
        )  # fmt: skip
        yield days[0].isoformat(), days[1].isoformat()


async def test_rollups_equal_facts_after_random_batches_with_duplicates_and_corrections(running: Inside) -> None:
    dice = random.Random(20251120)
    everything = [one for number in range(300) for one in life(number, dice)]
    sent = dice.sample(everything, len(everything)) + dice.sample(everything, 200)
    for start in range(0, len(sent), 250):
        await running.say(*sent[start : start + 250])
        await rows_equal_spans(running, UNIT, "2025-09-15", "2025-12-14")
    for begin, end in (("2025-07-01", "2025-09-14"), ("2025-10-01", "2025-10-20"), ("2025-12-01", "2025-12-31")):
        await rows_equal_spans(running, UNIT, begin, end)
    # whole months, years, and windows that begin or end within either: sums of every size, and days beside them
    for begin, end in random_windows(dice, 40):
        await rows_equal_spans(running, UNIT, begin, end)
    async with running.database("reporting") as database:
        assert await database.fetch(f"{summed_by_size('rollup')}") == await database.fetch(
            "SELECT * FROM rollup_sum WHERE n <> 0 ORDER BY unit, size, day, effective_on, field, kind"
        )
    shown = await rows_equal_spans(running, UNIT, "2025-09-15", "2025-12-14")
    await lists_equal_cells(running, shown)
    assert shown["total"]["c3"] == shown["total"]["c7"] + shown["total"]["c11"] > 100


async def close(running: Inside, **wanted: str) -> tuple[int, str]:
    answer = await running.http.post("/v1/reports/close", json={"unit": UNIT, "form": "II.06a", **wanted})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        ({"unit": "99999", "period": "2025-Q4"}, 404, "99999"),
        ({"form": "II.99", "period": "2025-Q4"}, 400, "unknown form 'II.99'"),
        ({"period": "2025-Q5"}, 400, "give a quarter such as 2025-Q4"),
        ({"period": "2025-Q2"}, 400, "founded, 01/07/2025"),
        ({"period": "2026-Q1"}, 409, "2026-Q1 ends on 2026-03-14 and today is 2026-01-05"),
    ],
)
async def test_what_cannot_be_closed_is_refused_with_the_reason(
    running: Inside, wanted: dict[str, str], status: int, reason: str
) -> None:
    code, text = await close(running, **wanted)
    assert code == status
    assert reason in text


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        ({"from": "2025-12-14", "to": "2025-09-15"}, 400, "ends on 2025-09-15 before it starts on 2025-12-14"),
        ({"from": "2025-12-14"}, 400, "give a period, or both from and to"),
        ({"period": "next"}, 400, "unknown period"),
        ({"period": "2025-Q4", "form": "X"}, 400, "unknown form"),
    ],
)
async def test_what_cannot_be_shown_is_refused_with_the_reason(
    running: Inside, asked: dict[str, str], status: int, reason: str
) -> None:
    answer = await running.http.get("/v1/reports/figures", params={"unit": UNIT, **asked})
    assert answer.status_code == status
    assert reason in answer.json()["error"]


async def test_a_closed_report_stays_as_it_is_when_late_statements_arrive(running: Inside) -> None:
    where = {"unit": UNIT, "period": "2025-Q3"}
    await running.say(record("received", "Q3", "2025-08-01", due_at="2025-08-10", field="Hộ tịch", channel="online"))
    before = await running.figures("2025-07-01", "2025-09-14")
    status, text = await close(running, period="2025-Q3")
    assert status == 200, text
    assert json.loads(text)["figures"] == before
    sheet = (await running.http.get("/v1/reports/sheet", params=where)).content
    status, text = await close(running, period="2025-Q3")
    assert status == 409
    assert "was closed at 2026-01-05T09:00:00+07:00" in text
    late = [record("received", f"LATE-{n}", "2025-08-02", due_at="2025-08-05", field="Hộ tịch") for n in range(50)]
    await running.say(record("completed", "Q3", "2025-08-03"), *late)
    after = await running.figures("2025-07-01", "2025-09-14")
    assert after["total"]["c3"] == before["total"]["c3"] + 50
    report = next(
        one
        for one in (await running.http.get("/v1/reports", params={"unit": UNIT})).json()
        if one["period"] == "2025-Q3"
    )
    assert report["figures"] == before
    assert (await running.http.get("/v1/reports/sheet", params=where)).content == sheet
    said = await running.messages(topology.REPORT, f"report.v1.{UNIT}.closed")
    assert [one["data"]["total"] for one in said if one["data"]["period"] == "2025-Q3"] == [before["total"]]


async def test_each_event_carries_the_correlation_of_the_record_that_caused_it(running: Inside) -> None:
    await running.say(
        {**record("received", "TRACED", "2025-12-01"), "correlationid": "trace-1"},
        {**record("completed", "TRACED", "2025-12-02"), "correlationid": "trace-2"},
        record("rated", "TRACED", "2025-12-03", id="the-id-itself", rating=5),
    )
    events = await running.messages(topology.DOSSIER, f"dossier.v1.{UNIT}.*")
    found = {one["type"].split(".")[-2]: one["correlationid"] for one in events if one["subject"] == "TRACED"}
    assert found == {"received": "trace-1", "resolved": "trace-2", "rated": "the-id-itself"}


async def test_no_unit_becomes_a_label_of_the_bus_metrics(running: Inside) -> None:
    lines = [line for line in (await running.http.get("/metrics")).text.splitlines() if line.startswith("faststream_")]
    handlers = set(re.findall(r'handler="([^"]*)"', "\n".join(lines)))
    assert "ONESTOP/dossier" in handlers
    assert handlers <= {f"{one.stream}/{one.name}" for one in topology.DURABLES}
    assert not [line for line in lines if UNIT in line or "10510" in line]


@pytest.mark.slow
async def test_stopping_in_the_middle_of_an_import_loses_and_doubles_nothing() -> None:
    records = [
        record("received", f"S-{n}", "2025-10-01", due_at="2025-10-10", field=FIELDS[n % 3], channel="online")
        for n in range(3_000)
    ]
    with new_folder() as data:
        async with inside(data, now="2025-11-20") as first:
            for start in range(0, len(records), 500):  # stored, each batch in one go, when this returns
                await publish_atomically(
                    first.bus,
                    [(f"onestop.v1.{UNIT}.received", json.dumps(r).encode(), {}) for r in records[start : start + 500]],
                )
        async with inside(data, now="2025-11-20") as again:
            await again.settled(90)  # what the stopped process had fetched comes back after ack_wait
            shown = await again.figures("2025-09-15", "2025-12-14")
            for one in topology.DURABLES:
                info = await again.bus.jetstream().consumer_info(one.stream, one.name)
                assert (info.num_pending, info.num_ack_pending) == (0, 0), one.name
            async with again.database("dossier") as database:
                assert await database.fetchval("SELECT count(*) FROM journal") == 3_000
                assert await database.fetchval("SELECT max(revision) FROM dossier") == 1
    assert {row["field"]: (row["c3"], row["c4"], row["c13"]) for row in shown["rows"]} == dict.fromkeys(
        FIELDS, (1000, 1000, 1000)
    )
