"""Asking a running system for filled forms, their cells and the lists behind them."""

from __future__ import annotations

import contextlib
import gzip
import random
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from shared.settings import RULES
from tests.inside import UNIT, Inside, inside, new_folder, record

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


@contextlib.asynccontextmanager
async def with_a_new_form() -> AsyncIterator[Inside]:
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


async def filled(
    running: Inside, form: str, unit: str, begin: str, end: str, known_on: str | None = None
) -> dict[str, Any]:
    [shown] = await ask(running, "/figures", unit=unit, form=form, known_on=known_on, **{"from": begin, "to": end})
    return dict(shown)


async def days_of_forms(running: Inside, begin: str, end: str) -> dict[str, tuple[str, str]]:
    """Every form with a window near these days, of the kind that it has."""
    calendar = CALENDAR.get(begin, (f"{begin[:4]}-01-01", f"{begin[:4]}-12-31"))
    forms = await ask(running, "/forms")
    return {one["form"]: calendar if one["window"] == "calendar" else (begin, end) for one in forms}


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


async def lists_equal_cells(running: Inside, shown: dict[str, Any], known_on: str | None = None) -> int:
    where = {name: shown[name] for name in ("unit", "form", "from", "to")}
    cells = cells_of(shown)
    for number, (cell, count) in enumerate(cells.items()):
        if not count and number % 5:
            continue  # most cells of a real log are 0, and their lists are asked for one by one
        behind = await ask(running, "/behind", **where, cell=cell, limit=10_000, known_on=known_on)
        assert len(behind) == len({one["code"] for one in behind}) == count, (shown["form"], cell)
    return sum(map(bool, cells.values()))


async def hand_in(running: Inside, path: Path, part: slice = slice(None)) -> None:
    """Records or rows of a real log, all of them or a part."""
    if path.suffix == ".csv":
        heading, *rows = path.read_bytes().splitlines(keepends=True)
        answer = await running.http.post("/v1/sheets", content=heading + b"".join(rows[part]), params={"unit": UNIT})
        assert answer.status_code == 200, answer.text
        await running.settled()
        return
    lines = gzip.decompress(path.read_bytes()).splitlines()[part]
    for start in range(0, len(lines), 5_000):
        body = b"[" + b",".join(lines[start : start + 5_000]) + b"]"
        await running.http.post("/v1/records", params={"door": "file"}, content=body)
    await running.settled()


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


async def close(running: Inside, form: str, unit: str, period: str) -> dict[str, Any]:
    answer = await running.http.post("/v1/reports/close", json={"unit": unit, "form": form, "period": period})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
