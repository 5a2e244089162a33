"""Every number of every form has a list behind it that is as long, and a new form needs a file and no code."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from services.reporting import signing, verifying
from shared.settings import RULES
from tests.inside import UNIT, Inside, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

THANH_DONG, CAM_GIANG, LE_THANH_NGHI = "10510", "10888", "10543"
"""Real logs are counted in the first and in UNIT; the others are counted on fingers."""
CALENDAR = {"2010-09-15": ("2010-10-01", "2010-12-31"), "2021-12-15": ("2022-01-01", "2022-01-31")}
NEW_FORM = """
shape: by_measure
form: "THU-2025"
valid_from: 2025-07-01
number_vi: "Biểu thử"
title_vi: "BIỂU THỬ"
subject_vi: "Số liệu thử"
intro_vi: "{unit} báo cáo {period}:"
measured_in_vi: "Số hồ sơ"
receiver_vi: "Trung tâm"
signed_off: {close: reporter, restate: approver}
rows:
- {id: a, label: "1", measure: online_rate, at_least: 50}
- {id: b, label: "2", title_vi: "Nhận của lĩnh vực Hộ tịch", column: c4, filter: {fields: ["Hộ tịch"]}}
- {id: c, label: "3", title_vi: "Xong trước hạn", column: c8, of: c7}
- {id: d, label: "4", measure: brand_identity_rate}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    """Our rules and one more form; the second plan quarter is over."""
    with new_folder() as data, tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules"
        shutil.copytree(RULES, rules)
        (rules / "forms" / "new.yaml").write_text(NEW_FORM, "utf-8")
        async with inside(data, now="2026-01-05", rules=rules) as one:
            yield one


async def ask(running: Inside, path: str, **params: Any) -> Any:
    answer = await running.http.get(f"/v1/reports{path}", params={k: v for k, v in params.items() if v is not None})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def filled(running: Inside, form: str, unit: str, begin: str, end: str) -> dict[str, Any]:
    [shown] = await ask(running, "/figures", unit=unit, form=form, **{"from": begin, "to": end})
    return dict(shown)


def rows_of(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in shown["rows"]}


def cells_of(shown: dict[str, Any]) -> dict[str, int]:
    """Every number of dossiers that a form prints, by the key of its list."""
    found = dict[str, int]()
    for row in shown["rows"]:
        if "field" in row:
            found |= {f"{row['field']}/{column}": count for column, count in row.items() if column != "field"}
        elif row.get("count") is not None:
            found[row["id"]] = row["count"]
        elif row.get("base") is not None and "from_rows" not in row:
            found |= {f"{row['id']}:hit": row["hit"], f"{row['id']}:base": row["base"]}
            found |= {f"{row['id']}:unknown": row["unknown"]} if row["unknown"] else {}
    return found


async def lists_equal_cells(running: Inside, shown: dict[str, Any]) -> int:
    where = {name: shown[name] for name in ("unit", "form", "from", "to")}
    cells = cells_of(shown)
    for number, (cell, count) in enumerate(cells.items()):
        if not count and number % 5:
            continue  # most cells of a real log are 0, and their lists are asked for one by one
        behind = await ask(running, "/behind", **where, cell=cell, limit=10_000)
        assert len(behind) == len({one["code"] for one in behind}) == count, (shown["form"], cell)
    return sum(map(bool, cells.values()))


async def hand_in(running: Inside, path: Path) -> None:
    if path.suffix == ".csv":
        await running.http.post("/v1/sheets", content=path.read_bytes(), params={"unit": UNIT})
        await running.settled()
        return
    lines = gzip.decompress(path.read_bytes()).splitlines()
    for start in range(0, len(lines), 5_000):
        body = b"[" + b",".join(lines[start : start + 5_000]) + b"]"
        await running.http.post("/v1/records", params={"door": "file"}, content=body)
    await running.settled()


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
    forms = {one["form"]: one for one in await ask(running, "/forms")}
    assert {"II.06a", "KPI", "TD-TTPVHCC", "TD-PCM", "TD-PCM@kinh-te", "QD766", "PAKN"} <= set(forms)
    counted = 0
    for form, about in forms.items():
        for begin, end in windows:
            days = (begin, end)
            if about["window"] == "calendar":
                days = CALENDAR.get(begin, (f"{begin[:4]}-01-01", f"{begin[:4]}-12-31"))
            counted += await lists_equal_cells(running, await filled(running, form, unit, *days))
    assert counted > 50


def dossier(number: int, dice: random.Random) -> list[dict[str, Any]]:
    """A random dossier with the facts that shares are made of, most of them said, some changed later."""
    code, day = f"F-{number}", dice.randint(16, 30)
    flags = ("fee_due", "paid_online", "digitised_input", "digitised_result", "e_result", "reused_data", "result_file")
    facts: dict[str, Any] = {name: dice.random() < 0.6 for name in flags if dice.random() < 0.8}
    facts |= {
        "field": dice.choice(["Hộ tịch", "Đất đai", "Hoạt động xây dựng"]), "due_at": f"2025-10-{dice.randint(1, 28):02d}",
        "agency": dice.choice(["kinh-te", "van-phong", "ttpvhcc"]), "channel": dice.choice(["online", "direct", "post"]),
        "service_level": dice.choice(["full", "partial", "none"]), "internal_due_at": f"2025-10-{dice.randint(1, 20):02d}",
    }  # fmt: skip
    said = [record("received", code, f"2025-09-{day}", unit=THANH_DONG, **facts)]
    if dice.random() < 0.7:
        done = f"2025-10-{dice.randint(1, 28):02d}"
        kind = dice.choice(["completed", "completed", "completed", "returned", "withdrawn", "stopped"])
        more = {"internal_finished_at": done, "certified_copy": dice.choice(["paper", "electronic"])}
        said.append(record(kind, code, done, unit=THANH_DONG, reason_code=dice.choice(["workload", "officer"]), **more))
        if dice.random() < 0.5:
            said.append(record("rated", code, "2025-11-03", unit=THANH_DONG, rating=dice.randint(1, 5)))
    elif dice.random() < 0.5:
        said.append(record("supplement_requested", code, "2025-10-02", unit=THANH_DONG))
    if dice.random() < 0.3:
        said.append(record("apologised", code, "2025-11-01", unit=THANH_DONG))
    return said


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


async def close(running: Inside, form: str, unit: str, period: str) -> dict[str, Any]:
    answer = await running.http.post("/v1/reports/close", json={"unit": unit, "form": form, "period": period})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def files_of(running: Inside, report: dict[str, Any], folder: Path) -> dict[str, bytes]:
    """Every document of a report, as `motcua report export` writes it."""
    names = ("unit", "form", "period", "version")
    found = dict[str, bytes]()
    for name in report["files"]:
        suffix = name.removeprefix(f"{report['form']}_{report['unit']}_{report['period']}_v{report['version']}")
        asked = {**{one: report[one] for one in names}, "suffix": suffix}
        found[name] = (await running.http.get("/v1/reports/file", params=asked)).content
        (folder / name).write_bytes(found[name])
    return found


async def test_any_form_is_closed_checked_offline_and_restated_when_a_fact_of_its_own_comes_late(
    running: Inside, tmp_path: Path
) -> None:
    unit = LE_THANH_NGHI
    said = [
        record("received", f"C-{n}", "2025-10-01", unit=unit, due_at="2025-10-08", field="Hộ tịch", channel="online")
        for n in range(4)
    ]
    said += [record("completed", f"C-{n}", "2025-10-02", unit=unit, digitised_result=True) for n in range(3)]
    petition = record("petition.received", "C-1", "2025-10-01", unit=unit)
    del petition["data"]["dossier"]
    await running.say(*said, petition | {"data": {"petition": "C-1", **petition["data"]}})
    answer = await running.http.post("/v1/reports/close", json={"unit": unit, "form": "KPI", "period": "2025-Q4"})
    assert answer.status_code == 400 and "belongs to the plan of unit 10966" in answer.json()["error"]

    for form, period in (("II.06a", "2025-Q4"), ("THU-2025", "2025-Q4"), ("PAKN", "2025-Q4"), ("QD766", "C2025-12")):
        report = await close(running, form, unit, period)
        files = await files_of(running, report, tmp_path)
        again = await running.http.post("/v1/reports/close", json={"unit": unit, "form": form, "period": period})
        assert again.status_code == 409
        document = next(body for name, body in files.items() if name.endswith(".json"))
        keys = {one["key_id"]: one["public_pem"] for one in await ask(running, "/keys")}
        (tmp_path / "key.pem").write_text(keys[json.loads(document)["key_id"]])
        key = signing.load_public(tmp_path / "key.pem")
        assert verifying.check_document(document, key) == []
        signed = verifying.read_document(document)
        assert [
            problem for name in signed["files"] for problem in verifying.check_file(signed, tmp_path / name["name"])
        ] == []
        assert signed["checks"]["balance"] == "ok" and signed["checks"]["heard"]["DOSSIER"] > 0
        if form == "THU-2025":
            assert "a figure was changed" in str(
                verifying.check_document(document.replace(b'"hit":4', b'"hit":3'), key)
            )
            assert signed["checks"]["findings"] == {"without_due_date": 0, "without_channel": 0, "without_agency": 4}

    listed = await ask(running, "", unit=unit, form="PAKN", period="2025-Q4", version=1)
    assert [(one["form"], one["period"], one["version"]) for one in listed] == [("PAKN", "2025-Q4", 1)]

    await running.say(record("updated", "C-3", "2025-10-03", unit=unit, channel="direct"))
    answered = record("petition.answered", "C-1", "2025-10-05", unit=unit)
    del answered["data"]["dossier"]
    await running.say(answered | {"data": {"petition": "C-1", **answered["data"]}})

    async def proposed() -> Any:
        found = await ask(running, "/proposals", unit=unit)
        return found if {one["form"] for one in found} == {"II.06a", "THU-2025", "PAKN"} else None

    proposals = {one["form"]: one for one in await until(proposed, "a proposal for each form that would change")}
    own = proposals["THU-2025"]
    cells = [(one["field"], one["column"], one["old"], one["new"]) for one in own["cells"]]
    assert cells == [("a", "hit", 4, 3), ("b", "count", 4, 3)]
    assert [(one["dossier"], one["sources"]) for one in own["causes"]] == [("C-3", ["/onestop/31/test"])]
    assert ("2", "count", 0, 1) in [
        (one["field"], one["column"], one["old"], one["new"]) for one in proposals["PAKN"]["cells"]
    ]
    answer = await running.http.post(f"/v1/reports/proposals/{own['id']}/approve", json={"as": "approver"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["supersedes"]) == (2, 1)
    assert rows_of(answer.json()["figures"])["a"]["hit"] == 3


async def test_a_closed_form_hears_of_a_fact_that_only_it_counts(running: Inside) -> None:
    """The rollup of II.06a does not move when a result turns out not to be digitised."""
    unit = "10903"
    await running.say(
        record("received", "D-1", "2025-10-01", unit=unit, due_at="2025-10-08", field="Hộ tịch", channel="online"),
        record("completed", "D-1", "2025-10-02", unit=unit, e_result=True),
    )
    await close(running, "QD766", unit, "C2025-Q4")
    await running.say(record("updated", "D-1", "2025-10-02T10:00:00", unit=unit, e_result=False))

    async def proposed() -> Any:
        return await ask(running, "/proposals", unit=unit)

    [proposal] = await until(proposed, "a proposal")
    assert [(one["field"], one["column"], one["old"], one["new"]) for one in proposal["cells"]] == [
        ("5.1", "hit", 1, 0)
    ]


async def test_the_index_gives_points_by_its_rules_and_shows_the_published_score_beside(running: Inside) -> None:
    unit = "10525"
    said = [
        record("received", f"I-{n}", "2025-10-06", unit=unit, due_at="2025-10-10", field="Hộ tịch", fee_due=n < 4,
               paid_online=n < 3, reused_data=n < 4, channel="online" if n < 5 else None)
        for n in range(10)
    ]  # fmt: skip
    for one in said:
        one["data"] = {name: value for name, value in one["data"].items() if value is not None}
    said += [
        record("completed", f"I-{n}", "2025-10-09", unit=unit, e_result=n < 6, digitised_input=True) for n in range(8)
    ]
    said += [record("rated", "I-0", "2025-10-10", unit=unit, rating=1)]
    await running.say(*said)
    rows = rows_of(await filled(running, "QD766", unit, "2025-10-01", "2025-10-31"))
    scores = {name: row["score"] for name, row in rows.items() if "score" in row}
    assert scores == {
        "1.1": None, "1.2": None, "1.3": None, "1.4": None, "1": None,
        "2.1": "16.00", "2": "16.00",  # 8 of 10 done on time, two open and overdue
        "3.1": None, "3": None,
        "4.1": "4.50", "4.2": "2.00", "4.3": "2.00", "4": "8.50",  # 3 of 4 fees; the rest does not apply to a commune
        "5.1": "4.50", "5.2": "3.00", "5.3": "1.00", "5.4": None, "5.5": None, "5.6": "2.00", "5.7": None, "5": None,
        "6.1": "4.66", "6.2": "6.00", "6.3": "6.00", "6": "16.66",  # 7 of 10 (two late, one disliked) of 90 %; no petition
        "all": None,
    }  # fmt: skip
    assert rows["3.0"]["hit"] == 5  # without a channel counts as direct
    assert (rows["all"]["scored"], rows["all"]["scored_of"]) == ("51.66", 20 + 10 + 14 + 18)
    published = {"unit": unit, "period": "C2025-10", "row": "2.1", "score": "15.5", "source": "dichvucong.gov.vn",
                 "published_on": "2025-11-05"}  # fmt: skip
    answer = await running.http.post("/v1/reports/scores", json=published)
    assert answer.status_code == 201, answer.text
    rows = rows_of(await filled(running, "QD766", unit, "2025-10-01", "2025-10-31"))
    assert (rows["2.1"]["score"], rows["2.1"]["published"]["score"], rows["2.1"]["difference"]) == (
        "16.00",
        "15.5",
        "-0.50",
    )
    for wrong, reason in (
        ({"row": "9.9"}, "gives no points to '9.9'"),
        ({"score": "21"}, "2.1 gives 0 to 20 points, not 21"),
        ({"period": "2025-Q4"}, "is a report period"),
        ({"form": "II.06a", "period": "2025-Q4"}, "rows with points: none"),
    ):
        refused = await running.http.post("/v1/reports/scores", json={**published, **wrong})
        assert refused.status_code == 400 and reason in refused.json()["error"]


async def test_an_empty_period_has_no_shares_and_no_points_but_those_that_the_rules_give(running: Inside) -> None:
    rows = rows_of(await filled(running, "QD766", "10531", "2025-10-01", "2025-10-31"))
    given = {
        name: row["score"] for name, row in rows.items() if row.get("score") is not None and row["kind"] == "score"
    }
    assert given == {
        "4.1": "0.00",
        "4.2": "2.00",
        "4.3": "2.00",
        "5.6": "2.00",
        "6.1": "0.00",
        "6.2": "6.00",
        "6.3": "6.00",
    }
    kpi = rows_of(await filled(running, "KPI", "10531", "2025-09-15", "2025-12-14"))
    assert {row["verdict"] for row in kpi.values() if row.get("base") == 0 and row.get("at_least")} == {"no_value"}


async def test_no_event_about_a_closed_form_becomes_a_dead_letter(running: Inside) -> None:
    """The alert about a closed report once named columns that only II.06a has."""
    await running.settled()
    assert await running.letters("notification") == []
