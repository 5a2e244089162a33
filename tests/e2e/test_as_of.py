"""What a form said on a day is what it says later of that day, and two days differ by the dossiers that are named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.filling import THANH_DONG, ask, cells_of, days_of_forms, filled, hand_in, lists_equal_cells, rows_of
from tests.inside import UNIT, Inside, at, inside, new_folder, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

PETITIONS = "Phản ánh, kiến nghị chỉ có số liệu hiện tại, không lưu theo ngày biết"
REPORTS = "Báo cáo phải nộp chỉ có số liệu hiện tại, không lưu theo ngày biết"
VALUES = ("count", "hit", "base", "unknown", "value", "percent", "score")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as one:
            yield one


def without_history(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows that say that they cannot be known as of a day; none of them has a value."""
    found = {row["id"]: row for row in shown["rows"] if row.get("reason") in (PETITIONS, REPORTS)}
    assert all(row.get(name) is None for row in found.values() for name in VALUES)
    return found


def same_but_for(skipped: dict[str, Any], then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether two fillings say the same in every row but those skipped and the sums and scores that they are part of."""
    pairs = zip(then["rows"], now["rows"], strict=True)
    return all(
        old == new for old, new in pairs if old.get("id") not in skipped and not (skipped and old.get("kind") == "sum")
    )


def answered(petition: str, unit: str = UNIT) -> list[dict[str, Any]]:
    """A petition received and answered in the fourth quarter."""
    said = [record("petition.received", petition, "2025-10-01", unit=unit), record("petition.answered", petition, "2025-10-06", unit=unit)]  # fmt: skip
    for one in said:
        one["data"]["petition"] = one["data"].pop("dossier")
    return said


@pytest.mark.parametrize(
    ("log", "unit", "window", "days"),
    [
        ("receipt/records.jsonl.gz", THANH_DONG, ("2010-09-15", "2010-12-14"), ("2026-01-06", "2026-01-08")),
        ("bpic15_1/records.jsonl.gz", THANH_DONG, ("2013-09-15", "2013-12-14"), ("2026-01-10", "2026-01-12")),
        ("boston311/dossiers.csv", UNIT, ("2021-12-15", "2022-03-14"), ("2026-01-14", "2026-01-16")),
    ],
)
async def test_every_form_still_says_what_it_said_on_an_earlier_day(
    running: Inside, shared_data: Path, log: str, unit: str, window: tuple[str, str], days: tuple[str, str]
) -> None:
    """Half of a real log is told on one day, the other half on another; the pictures of the first day must last."""
    forms = await days_of_forms(running, *window)
    running.clock.advance(at(f"{days[0]}T10:00:00"))
    await hand_in(running, shared_data / log, slice(None, None, 2))
    pictures = {form: await filled(running, form, unit, *where) for form, where in forms.items()}
    running.clock.advance(at(f"{days[1]}T10:00:00"))
    await hand_in(running, shared_data / log, slice(1, None, 2))
    counted = differing = 0
    for form, where in forms.items():
        then, now = await filled(running, form, unit, *where, days[0]), await filled(running, form, unit, *where)
        assert same_but_for(without_history(then), then, pictures[form]), form
        counted += await lists_equal_cells(running, then, days[0])
        differing += then != now
        today = await filled(running, form, unit, *where, days[1])
        assert same_but_for(without_history(today), today, now), form
        told = await ask(running, "/between", unit=unit, form=form, known_from=days[0], known_to=days[1], **{"from": where[0], "to": where[1]})  # fmt: skip
        explains(told, cells_of(then), cells_of(today))
    assert counted > 50 and differing >= 4


def explains(told: dict[str, Any], old: dict[str, int], new: dict[str, int]) -> None:
    """Every cell that differs, and no other, is told with the dossiers that make the difference; each was spoken of."""
    assert {one["cell"]: (one["old"], one["new"]) for one in told["cells"] if one["old"] != one["new"]} == {
        key: (old.get(key, 0), new.get(key, 0)) for key in old.keys() | new.keys() if old.get(key, 0) != new.get(key, 0)
    }
    causes = {one["dossier"]: one for one in told["causes"]}
    for one in told["cells"]:
        assert one["new"] - one["old"] == len(one["came_in"]) - len(one["went_out"])
        assert all(causes[code]["statements"] for code in [*one["came_in"], *one["went_out"]])


async def test_what_has_no_history_says_so_row_by_row_and_refuses_its_list(running: Inside) -> None:
    running.clock.advance(at("2026-01-18T10:00:00"))
    await running.say(record("received", "D-1", "2025-10-01"), *answered("P-1"))
    running.clock.advance(at("2026-01-20T10:00:00"))
    where = (UNIT, "2025-09-15", "2025-12-14")
    now, then = await filled(running, "PAKN", *where), await filled(running, "PAKN", *where, "2026-01-18")
    assert rows_of(now)["1"]["count"] == 1
    assert set(without_history(then)) == {row["id"] for row in then["rows"]}
    kpi = await filled(running, "KPI", *where, "2026-01-18")
    assert {name: row["reason"] for name, row in without_history(kpi).items()} == {
        "BG-7.2": PETITIONS, "BG-7.2.a": PETITIONS, "BG-7.2.b": PETITIONS, "BG-7.2.c": PETITIONS, "BG-T15": REPORTS,
    }  # fmt: skip
    assert rows_of(kpi)["BG-T15"]["verdict"] == "no_value"
    assert "danh mục" in rows_of(kpi)["BG-T1"]["reason"]  # a measure that nobody counts says why, as ever
    index = await filled(running, "QD766", UNIT, "2025-10-01", "2025-12-31", "2026-01-18")
    assert set(without_history(index)) == {"6.2", "6.3"}
    assert rows_of(index)["6"]["score"] is None
    asked = {"unit": UNIT, "period": "2025-Q4", "form": "PAKN", "cell": "1", "known_on": "2026-01-18"}
    refused = await running.http.get("/v1/reports/behind", params=asked)
    assert refused.status_code == 400
    assert "of petitions only what is known now is kept; leave known_on out" in refused.json()["error"]


async def test_a_counted_measure_of_petitions_lists_petitions(running: Inside) -> None:
    where = {"unit": THANH_DONG, "from": "2025-09-15", "to": "2025-12-14"}
    await running.say(*answered("P-2", THANH_DONG))
    [counts] = await ask(running, "/counts", **where, name="petitions_received")
    behind = await ask(running, "/behind", **where, column="petitions_received")
    assert counts["counts"] == {"petitions_received": 1}
    assert [one["code"] for one in behind] == ["P-2"]
