"""Every number of every form has a list behind it that is as long, and a new form needs a file and no code."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from tests.e2e.filling import (
    CAM_GIANG,
    THANH_DONG,
    ask,
    days_of_forms,
    dossier,
    filled,
    hand_in,
    lists_equal_cells,
    rows_of,
    with_a_new_form,
)
from tests.inside import UNIT, Inside, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    async with with_a_new_form() as one:
        yield one


async def agrees_with_independent_figures(running: Inside, shared_data: Path) -> None:
    wanted = json.loads(
        (shared_data / "receipt" / "expected_records" / "2010-09-15_2010-12-14.json").read_text("utf-8")
    )
    total, rows = wanted["total"], rows_of(await filled(running, "TD-TTPVHCC", THANH_DONG, "2010-09-15", "2010-12-14"))
    assert {column: rows[f"II.1.1.8.{column}"]["count"] for column in ("c4", "c5", "c6", "c7", "c11")} == {
        column: total[column] for column in ("c4", "c5", "c6", "c7", "c11")
    }
    assert (rows["II.1.1.8.1"]["hit"], rows["II.1.1.8.1"]["base"]) == (total["c8"], total["c7"])
    assert (rows["II.1.1.8.1.c13"]["hit"], rows["II.1.1.8.1.c13"]["base"]) == (total["c13"], total["c11"])


@pytest.mark.parametrize(
    ("log", "unit", "windows"),
    [
        ("receipt/records.jsonl.gz", THANH_DONG, [("2010-09-15", "2010-12-14")]),
        ("boston311/dossiers.csv", UNIT, [("2021-12-15", "2022-03-14")]),
        ("bpic15_1/records.jsonl.gz", THANH_DONG, [("2013-09-15", "2013-12-14")]),
    ],
)
async def test_every_cell_of_every_form_equals_its_list_on_real_logs(
    running: Inside, shared_data: Path, log: str, unit: str, windows: list[tuple[str, str]]
) -> None:
    await hand_in(running, shared_data / log)
    if log.startswith("receipt"):
        await agrees_with_independent_figures(running, shared_data)
    counted = 0
    for begin, end in windows:
        days = await days_of_forms(running, begin, end)
        assert {"II.06a", "KPI", "TD-TTPVHCC", "TD-PCM", "TD-PCM@kinh-te", "QD766", "PAKN"} <= set(days)
        for form, window in days.items():
            counted += await lists_equal_cells(running, await filled(running, form, unit, *window))
    assert counted > 50


async def test_every_cell_of_every_form_equals_its_list_after_random_batches(running: Inside) -> None:
    dice = random.Random(40)
    said = [one for number in range(150) for one in dossier(number, dice)]
    dice.shuffle(said)
    for start in range(0, len(said), 100):
        await running.say(*said[start : start + 100], *said[:10])
    for about in await ask(running, "/forms"):
        days = ("2025-10-01", "2025-12-31") if about["window"] == "calendar" else ("2025-09-15", "2025-12-14")
        await lists_equal_cells(running, await filled(running, about["form"], THANH_DONG, *days))
    whole = rows_of(await filled(running, "TD-PCM", THANH_DONG, "2025-09-15", "2025-12-14"))
    causes = [whole[f"II.1.2.2.4.{letter}"]["count"] for letter in "abcdef"]
    assert sum(causes) == whole["II.1.2.2.4"]["count"] > causes[0] > 0
    inside_ = [whole[f"II.1.2.2.1.{letter}"]["count"] for letter in "abc"]
    assert sum(inside_) == whole["II.1.2.2.1"]["count"] > 0
    parts = [
        rows_of(await filled(running, form, THANH_DONG, "2025-09-15", "2025-12-14"))["II.1.2.2.c7"]["count"]
        for form in ("TD-PCM@kinh-te", "TD-PCM@van-phong")
    ]
    assert 0 < sum(parts) < whole["II.1.2.2.c7"]["count"]


async def test_the_plan_and_the_form_say_the_same_numbers_and_verdicts(running: Inside) -> None:
    said = list[dict[str, Any]]()
    for number in range(10):
        code = f"KPI-{number}"
        facts = {"field": "Đất đai" if number < 3 else "Hộ tịch", "channel": "online", "fee_due": True}
        said += [
            record("received", code, "2025-10-01", due_at="2025-10-08", paid_online=number < 6, **facts),
            record("completed", code, "2025-10-09" if number == 0 else "2025-10-07", digitised_result=number > 4),
            record("rated", code, "2025-10-10", rating=2 if number == 9 else 5),
        ]
    await running.say(*said)
    for period, days in {"2025-Q4": ("2025-09-15", "2025-12-14"), "plan": ("2025-08-29", "2025-12-31")}.items():
        form = rows_of(await filled(running, "KPI", UNIT, *days))

        async def agree(period: str = period, form: dict[str, Any] = form) -> bool:
            [plan] = (await running.http.get(f"/v1/plans/{UNIT}")).json()["plans"]
            targets = [one for one in plan["targets"] if one["period"] == period]
            names = ("hit", "base", "unknown")
            shown = {one["id"]: tuple(form[one["id"]][name] for name in names) for one in targets}
            same = shown == {one["id"]: tuple(one[name] for name in names) for one in targets}
            if period == "2025-Q4":
                same = same and all(form[one["id"]]["verdict"] == one["verdict"] for one in targets)
            return same and len(targets) == 15

        await until(agree, f"plan and form to agree in {period}")
    rows = rows_of(await filled(running, "KPI", UNIT, "2025-09-15", "2025-12-14"))
    said_ = {
        name: (rows[name]["hit"], rows[name]["base"], rows[name]["verdict"]) for name in ("BG-T2", "BG-T5", "BG-T7")
    }
    assert said_ == {"BG-T2": (9, 10, "missed"), "BG-T5": (3, 3, "met"), "BG-T7": (6, 10, "met")}
    assert rows["BG-T9"] | {"note_vi": ""} == rows["BG-T9"] | {
        "hit": 5,
        "unknown": 0,
        "percent": "50,0 %",
        "verdict": "missed",
        "note_vi": "",
    }
    empty = rows["BG-T5.dau-tu"]
    assert (empty["base"], empty["percent"], empty["verdict"]) == (0, None, "no_value")
    assert rows["BG-T1"]["hit"] is rows["BG-T1"]["percent"] is None
    assert rows["BG-T1"]["verdict"] == "by_evidence" and "danh mục" in rows["BG-T1"]["reason"]
    assert rows["BG-4.3.b"]["count"] is None and "ngành dọc" in rows["BG-4.3.b"]["reason"]


async def test_a_new_form_is_a_file(running: Inside) -> None:
    await running.say(
        record("received", "N-1", "2025-10-01", unit=CAM_GIANG, due_at="2025-10-08", field="Hộ tịch", channel="online"),
        record("received", "N-2", "2025-10-01", unit=CAM_GIANG, due_at="2025-10-08", field="Đất đai", channel="direct"),
        record("completed", "N-1", "2025-10-02", unit=CAM_GIANG),
    )
    [shown] = await ask(running, "/figures", unit=CAM_GIANG, form="THU-2025", period="2025-Q4")
    rows = rows_of(shown)
    assert (rows["a"]["hit"], rows["a"]["base"], rows["a"]["verdict"]) == (1, 2, "met")
    assert (rows["b"]["count"], rows["c"]["percent"], rows["d"]["percent"]) == (1, "100,0 %", None)
    behind = await ask(running, "/behind", unit=CAM_GIANG, form="THU-2025", period="2025-Q4", cell="a:hit")
    assert [one["code"] for one in behind] == ["N-1"]
    body = {"unit": CAM_GIANG, "form": "THU-2025", "period": "2025-Q4"}
    answer = await running.http.post("/v1/reports/close", json=body)
    assert answer.status_code == 200, answer.text
    sheet = (await running.http.get("/v1/reports/file", params={**body, "suffix": ".xlsx"})).content
    printed = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert printed[2][0] == "BIỂU THỬ"
    assert [row[1] for row in printed[6:10]] == [row["title_vi"] for row in shown["rows"]]
    assert printed[6][2:6] == [1, 2, 0, 0.5]


async def test_the_list_behind_a_number_is_paged_and_comes_as_csv_xlsx_and_json_lines(running: Inside) -> None:
    where = {"unit": CAM_GIANG, "form": "II.06a", "period": "2025-Q4", "cell": "c3"}
    pages = [await ask(running, "/behind", **where, limit=1, offset=offset) for offset in range(3)]
    assert [[one["code"] for one in page] for page in pages] == [["N-1"], ["N-2"], []]
    files = {
        kind: (await running.http.get("/v1/reports/behind", params={**where, "as": kind})).content
        for kind in ("csv", "xlsx", "jsonl")
    }
    codes = ["N-1", "N-2"]
    assert [one["code"] for one in csv.DictReader(io.StringIO(files["csv"].decode("utf-8-sig")))] == codes
    assert [json.loads(line)["code"] for line in files["jsonl"].splitlines()] == codes
    rows = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"])).get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows[1:]] == codes


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"form": "KPI2", "period": "2025-Q4"}, "unknown form 'KPI2'; known: II.06a, KPI"),
        ({"form": "KPI", "from": "2025-12-14", "to": "2025-09-15"}, "ends on 2025-09-15 before it starts"),
        ({"form": "KPI", "period": "2025-Q2"}, "founded, 01/07/2025"),
        ({"form": "KPI", "period": "C2025-Q4"}, "C2025-Q4 is a calendar period: say 2025-Q4"),
        ({"form": "QD766", "period": "2025-Q4"}, "2025-Q4 is a report period: say C2025-10, C2025-Q4 or C2025"),
        ({"form": "QD766", "from": "2025-09-15", "to": "2025-12-14"}, "is no calendar month, quarter or year"),
        ({"form": "QD766", "period": "C2025-13"}, "C2025-13 is no calendar month"),
        ({"form": "QD766", "period": "C2025-Q2"}, "was over when the unit was founded, 01/07/2025"),
    ],
)
async def test_what_no_form_can_show_is_refused_in_words(running: Inside, asked: dict[str, str], reason: str) -> None:
    answer = await running.http.get("/v1/reports/figures", params={"unit": UNIT, **asked})
    assert answer.status_code == 400
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"form": "KPI", "cell": "BG-T99"}, "form KPI has no cell 'BG-T99'; cells are BG-3.3:hit"),
        ({"form": "KPI", "cell": "BG-T2"}, "no cell 'BG-T2'"),
        ({"form": "II.06a", "cell": "Hộ tịch/c14"}, "no cell 'Hộ tịch/c14'"),
        ({"form": "KPI"}, "give a cell of a form, or a column"),
        ({"form": "KPI", "cell": "BG-T2:hit", "column": "c3"}, "give a cell of a form, or a column"),
    ],
)
async def test_a_cell_that_no_form_has_is_refused_in_words(running: Inside, asked: dict[str, str], reason: str) -> None:
    answer = await running.http.get("/v1/reports/behind", params={"unit": UNIT, "period": "2025-Q4", **asked})
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
