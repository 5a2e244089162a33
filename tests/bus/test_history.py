"""What was known on a day is the same whatever order revisions arrived in, and the same as forgetting everything later."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.reporting import repository
from services.reporting.domain import figures
from services.reporting.history import repository as history
from shared.events.dossiers import Snapshot, State, Step
from shared.localtime import LOCAL, local_date
from tests.inside import UNIT, Inside, at, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

START = date(2025, 10, 1)
FIELDS = ["Hộ tịch", "Đất đai"]


def moment(day: int) -> datetime:
    return datetime.combine(START + timedelta(days=day), datetime.min.time(), LOCAL) + timedelta(hours=9)


def a_life(number: int, dice: random.Random, unit: str) -> list[Snapshot]:
    """Revisions of one dossier: told in time, late, ahead of time, and now and then in the wrong order of clocks."""
    steps, told, recorded = dict[tuple[int, int], Step](), list[Snapshot](), dice.randint(0, 20)
    for revision in range(1, dice.randint(2, 7)):
        happened = max(0, recorded - dice.choice([0, 0, 0, 1, 4, 12]) + dice.choice([0, 0, 0, 0, 3]))
        to: dict[str, Any] = {"status": "processing", "field": dice.choice(FIELDS)}
        if revision == 1 or dice.random() < 0.15:
            to |= {
                "received_at": moment(min(happened, dice.randint(0, 20))),
                "channel": dice.choice(["online", "post"]),
            }
        if dice.random() < 0.5:
            to |= {"due_at": moment(happened + dice.randint(-2, 10))}
        if dice.random() < 0.5:
            to |= dice.choice(
                [{"finished_at": moment(happened), "outcome": "completed"}, {"finished_at": None, "outcome": None}]
            )
        steps[happened, revision] = Step(at=moment(happened), kind="updated", to=to)
        told.append(
            Snapshot(
                unit=unit, dossier=f"H-{number}", revision=revision, source="/onestop/31/test", state=State(),
                recorded_at=moment(recorded), timeline=[steps[key] for key in sorted(steps)],
            )
        )  # fmt: skip
        recorded = max(0, recorded + dice.choice([0, 0, 1, 2, 7, -1]))
    return told


def forgotten(told: Sequence[Snapshot], day: date, unit: str) -> list[Snapshot]:
    """Only what was recorded and had happened by the end of a day, as if nothing else had ever been said."""
    return [
        msgspec.structs.replace(one, unit=unit, timeline=[step for step in one.timeline if local_date(step.at) <= day])
        for one in told
        if local_date(one.recorded_at) <= day
    ]


async def known_figures(session: Any, unit: str, day: date, end: date) -> Any:
    counted = await repository.count_spans(session, [unit], START + timedelta(days=8), end, day)
    return figures(unit, START, end, counted.get(unit, ())).rows


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_duplicates_give_what_a_fresh_count_gives(running: Inside, seed: int) -> None:
    dice = random.Random(seed)
    lives = [one for number in range(60) for one in a_life(number, dice, "A")]
    days = [START + timedelta(days=n) for n in range(-1, 60, 4)]
    ends = [START + timedelta(days=n) for n in (10, 25, 45)]
    async with running.database("reporting") as session:
        transaction = session.transaction()
        await transaction.start()
        try:
            for unit in ("in order", "shuffled", "one by one"):
                told = [msgspec.structs.replace(one, unit=unit) for one in lives]
                if unit != "in order":
                    told = dice.sample(told, len(told)) + dice.sample(told, len(told) // 2)
                size = {"in order": 1000, "shuffled": 37, "one by one": 5}[unit]
                for start in range(0, len(told), size):
                    await repository.upsert_facts(session, told[start : start + size])
            kept = defaultdict[str, int](int)
            for day in days:
                fresh = f"fresh {day}"
                await repository.upsert_facts(session, forgotten(lives, day, fresh))
                for end in ends:
                    begin = START + timedelta(days=8)
                    sums = await repository.sum_rollup(session, [fresh], begin, end)
                    wanted = figures(fresh, begin, end, sums.get(fresh, ())).rows
                    kept["cells"] += sum(row["c3"] for row in wanted)
                    for unit in ("in order", "shuffled", "one by one"):
                        assert await known_figures(session, unit, day, end) == wanted, (unit, day, end)
            assert kept["cells"] > 200
        finally:
            await transaction.rollback()


async def told_on(running: Inside, day: str, *records: dict[str, Any]) -> None:
    running.clock.advance(at(f"{day}T17:00:00"))
    await running.say(*records)


async def asked(running: Inside, path: str, **params: Any) -> tuple[int, Any]:
    answer = await running.http.get(f"/v1/reports/{path}", params={"unit": UNIT, **params})
    return answer.status_code, answer.json()


async def test_a_late_statement_changes_what_is_known_from_its_day_on_and_is_named(running: Inside) -> None:
    status, said = await asked(running, "figures", known_on="2025-11-20", **{"from": "2025-12-01", "to": "2025-12-14"})
    assert (status, said["error"]) == (
        400, "nothing has been heard yet, so there is no history; import or receive dossiers first",
    )  # fmt: skip
    facts = {"field": "Hộ tịch", "channel": "online"}
    await told_on(running, "2025-12-02", record("received", "K-1", "2025-12-02", due_at="2025-12-10", **facts))
    await told_on(running, "2025-12-03", record("received", "K-2", "2025-12-03", due_at="2025-12-12", **facts))
    await told_on(running, "2025-12-09", record("completed", "K-2", "2025-12-09"))
    await told_on(running, "2025-12-18", record("completed", "K-1", "2025-12-09", id="late-1"))
    async with running.database("reporting") as database:
        assert await database.fetchval("SELECT count(*) FROM known_span") == 1  # only the one told late
    window = {"from": "2025-12-01", "to": "2025-12-14"}
    for day, done, overdue in (("2025-12-02", 0, 1), ("2025-12-08", 0, 2), ("2025-12-17", 1, 1), ("2025-12-18", 2, 0)):
        status, found = await asked(running, "figures", known_on=day, **window)
        total = found[0]["total"]
        assert (day, status, total["c8"], total["c13"]) == (day, 200, done, overdue)
        for column, size in total.items():
            behind = (await asked(running, "behind", known_on=day, column=column, **window))[1]
            assert len(behind) == size, (day, column)
    assert (await asked(running, "figures", known_on="2025-12-18", **window))[1] == [
        await running.figures("2025-12-01", "2025-12-14")
    ]
    status, told = await asked(running, "between", period="2025-Q4", known_from="2025-12-17", known_to="2025-12-18")
    assert status == 200, told
    assert [(one["column"], one["old"], one["new"]) for one in told["cells"]] == [
        ("c7", 1, 2), ("c8", 1, 2), ("c11", 1, 0), ("c13", 1, 0)
    ]  # fmt: skip
    (cause,) = told["causes"]
    assert (cause["dossier"], cause["old_columns"], cause["new_columns"]) == (
        "K-1", ["c3", "c4", "c11", "c13"], ["c3", "c4", "c7", "c8"],
    )  # fmt: skip
    (statement,) = cause["statements"]
    assert {name: statement[name] for name in ("revision", "source", "happened_on", "recorded_at")} == {
        "revision": 2, "source": "/onestop/31/test", "happened_on": "2025-12-09", "recorded_at": "2025-12-18T17:00:00+07:00",
    }  # fmt: skip
    assert statement["stated"] == [
        {
            "kind": "completed",
            "happened_at": "2025-12-09T09:00:00+07:00",
            "source": "/onestop/31/test",
            "id": "late-1",
        }
    ]
    cell = {one["column"]: one for one in told["cells"]}
    assert (cell["c8"]["came_in"], cell["c8"]["went_out"]) == (["K-1"], [])
    assert (cell["c13"]["came_in"], cell["c13"]["went_out"]) == ([], ["K-1"])
    assert statement["changed"]["status"] == ["received", "completed"]
    assert statement["changed"]["finished_on"] == [None, "2025-12-09"]


async def test_each_statement_of_a_batch_is_named_with_its_own_kind_instant_and_source(running: Inside) -> None:
    await told_on(running, "2025-12-19", record("received", "K-3", "2025-12-01", field="Hộ tịch"))
    paid = record("updated", "K-3", "2025-12-05T10:30:00", id="p-1", field="Đất đai") | {
        "source": "/onestop/31/cashier"
    }
    await told_on(running, "2025-12-20", record("completed", "K-3", "2025-12-08", id="done-1"), paid)
    told = (await asked(running, "between", period="2025-Q4", known_from="2025-12-19", known_to="2025-12-20"))[1]
    [cause] = told["causes"]
    [revision] = cause["statements"]
    assert (revision["revision"], [one["id"] for one in revision["stated"]]) == (3, ["p-1", "done-1"])
    assert [(one["kind"], one["happened_at"], one["source"]) for one in revision["stated"]] == [
        ("updated", "2025-12-05T10:30:00+07:00", "/onestop/31/cashier"),
        ("completed", "2025-12-08T09:00:00+07:00", "/onestop/31/test"),
    ]
    assert (cause["old_cells"][0], cause["new_cells"][0]) == ("Hộ tịch/c3", "Đất đai/c3")


@pytest.mark.parametrize(
    ("path", "params", "reason"),
    [
        ("figures", {"known_on": "2025-12-01"}, "2025-12-01 is not on record: history begins on 2025-12-02"),
        ("figures", {"known_on": "2025-12-21"}, "2025-12-21 has not come yet: today is 2025-12-20"),
        ("behind", {"known_on": "2025-12-10", "column": "c99"}, "unknown column 'c99'"),
        ("between", {"known_from": "2025-12-18", "known_to": "2025-12-17"}, "known_from 2025-12-18 is not before"),
        ("between", {"known_from": "2025-12-10", "known_to": "2025-12-17", "form": "X"}, "unknown form 'X'"),
    ],
)
async def test_what_is_not_known_is_refused_in_words(
    running: Inside, path: str, params: dict[str, str], reason: str
) -> None:
    status, said = await asked(running, path, **{"from": "2025-12-01", "to": "2025-12-14", **params})
    assert status == 400
    assert reason in said["error"]


async def test_known_today_a_real_log_gives_the_independent_figures(running: Inside, shared_data: Path) -> None:
    today = local_date(running.clock.now()).isoformat()
    for log in ("receipt", "bpic15_1"):
        lines = gzip.decompress((shared_data / log / "records.jsonl.gz").read_bytes()).splitlines()
        for start in range(0, len(lines), 5_000):
            body = b"[" + b",".join(lines[start : start + 5_000]) + b"]"
            answer = await running.http.post("/v1/records", params={"door": "file"}, content=body)
            assert answer.json()["rejected"] == 0
        await running.settled(120)
        expected = "expected_records" if log == "receipt" else "expected"
        windows = [
            json.loads(path.read_text("utf-8")) for path in sorted((shared_data / log / expected).glob("*.json"))
        ]
        if log == "bpic15_1":  # both logs are of one unit; the first lies before the others' last windows
            windows = [one for one in windows if one["from"] > "2012-06-01"]
        for wanted in windows:
            where = {"unit": wanted["unit"], "from": wanted["from"], "to": wanted["to"]}
            (shown,) = (await asked(running, "figures", **where, known_on=today))[1]
            assert shown == (await running.figures(wanted["from"], wanted["to"], unit=wanted["unit"]))
            if log == "receipt":
                assert shown == wanted
            yesterday = (await asked(running, "figures", **where, known_on="2025-12-17"))[1]
            assert yesterday[0]["rows"] == []  # nobody had told us


async def test_history_of_an_upgraded_installation_begins_with_the_upgrade_and_fills_when_all_is_heard_again(
    running: Inside,
) -> None:
    def told(revision: int, day: int) -> Snapshot:
        steps = [Step(at=moment(1), kind="received", to={"status": "received", "received_at": moment(1)})]
        steps += [Step(at=moment(12), kind="completed", to={"finished_at": moment(12), "outcome": "completed"})] * (
            revision > 1
        )
        return Snapshot(
            unit="B", dossier="U-1", revision=revision, source="/onestop/31/test", state=State(),
            recorded_at=moment(day), timeline=steps,
        )  # fmt: skip

    async def done(session: Any, day: int) -> int:
        return sum(
            row["c7"] for row in await known_figures(session, "B", START + timedelta(days=day), moment(30).date())
        )

    async with running.database("reporting") as session:
        transaction = session.transaction()
        await transaction.start()
        try:
            await repository.upsert_facts(session, [told(1, 1)])
            await session.execute("DELETE FROM known_revision WHERE unit = 'B'")  # as the migration finds it
            await session.execute("UPDATE known_since SET day = $1, is_partial = true", START + timedelta(days=10))
            await repository.upsert_facts(session, [told(2, 20)])
            assert await history.begins(session) == START + timedelta(days=10)
            assert [await done(session, day) for day in (10, 19, 20)] == [0, 0, 1]
            await repository.upsert_facts(session, [told(1, 1), told(2, 20)])
            assert [await done(session, day) for day in (1, 10, 19, 20)] == [0, 0, 0, 1]
        finally:
            await transaction.rollback()
