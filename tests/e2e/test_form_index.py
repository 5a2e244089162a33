"""The index of QĐ 766 gives points by its rules, and none where there is nothing to share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.filling import filled, rows_of
from tests.inside import Inside, inside, new_folder, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as one:
            yield one


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
