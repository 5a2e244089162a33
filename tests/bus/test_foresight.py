"""The forecast of a running quarter on the real system, and its refusals."""

from __future__ import annotations

import pytest

from tests.inside import UNIT, Inside, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


async def test_a_forecast_names_what_is_due_and_refuses_to_guess(running: Inside) -> None:
    async def asked(**params: str) -> tuple[int, dict[str, object]]:
        answer = await running.http.get("/v1/reports/foresight", params={"unit": UNIT, "period": "2025-Q4", **params})
        return answer.status_code, answer.json()

    facts = {"field": "Hộ tịch", "procedure": "1.004873", "channel": "online"}
    for n in range(29):
        day, due = f"2025-10-{n % 20 + 1:02}", f"2025-10-{n % 20 + 8:02}"
        done = f"2025-10-{n % 20 + (12 if n < 5 else 4):02}"
        await running.say(
            record("received", f"F-{n}", day, due_at=due, **facts), record("completed", f"F-{n}", done, id=f"done-{n}")
        )
    status, told = await asked()
    assert (status, told["error"]) == (
        409, "unit 10966 has 29 finished dossiers to learn from, 30 are needed; no forecast is given"
    )  # fmt: skip
    await running.say(
        record("received", "F-29", "2025-10-20", due_at="2025-10-27", **facts),
        record("completed", "F-29", "2025-10-22"),
        record("received", "F-OPEN", "2025-11-18", due_at="2025-11-25", **facts),
        record("received", "F-BROKEN", "2025-11-03", due_at="2025-11-10", **facts),
    )
    status, told = await asked()
    assert status == 200, told
    assert (told["so_far"], told["learned_from"], told["open"], told["broken"]) == (25 / 30, 30, 2, 1)
    assert told["must_finish"] == [{"by": "2025-11-25", "dossiers": 1}]
    assert [(one["dossier"], one["age"], one["left"]) for one in told["riskiest"]] == [("F-OPEN", 2, 3)]  # type: ignore[attr-defined]
    assert 0 < told["low"] <= told["expected"] <= told["high"] <= 1  # type: ignore[operator]
    assert await asked() == (200, told)
    async with running.database("reporting") as database:

        async def kept() -> bool:
            row = await database.fetchrow(
                "SELECT period, expected, low, high, must_finish FROM forecast WHERE unit = $1", UNIT
            )
            return row is not None and tuple(row) == ("2025-Q4", told["expected"], told["low"], told["high"], 1)

        await until(kept, "the same forecast where boards read it")
    for wrong, reason in (
        ({"on": "2025-11-21"}, "2025-11-21 has not come yet: today is 2025-11-20"),
        ({"period": "2025-Q3"}, "the period ended on 2025-09-14"),
        ({"period": "2026-Q1"}, "the period begins on 2025-12-15, after 2025-11-20"),
        ({"period": "2025-Q9"}, "unknown period"),
    ):
        status, said = await asked(**wrong)
        assert status == 400
        assert reason in str(said["error"])
