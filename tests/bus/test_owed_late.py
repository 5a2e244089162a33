"""A report that a department owes and hands in or corrects after a form was closed opens a proposal to restate the form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.bus.owed import named, post
from tests.bus.reports import close
from tests.inside import UNIT, Inside, inside, new_folder, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    """The day after the fourth quarter; the reports of the third fell due on 15/09/2025, before anybody watched."""
    with new_folder() as data:
        async with inside(data, "2025-12-15") as one:
            await one.settled()
            yield one


async def proposed(running: Inside, *cells: tuple[str, str, int, int]) -> dict[str, Any]:
    """The one open proposal, once it is about these cells."""

    async def found() -> Any:
        shown = (await running.http.get("/v1/reports/proposals", params={"unit": UNIT})).json()
        said = [[(one["field"], one["column"], one["old"], one["new"]) for one in each["cells"]] for each in shown]
        return shown[0] if said == [list(cells)] else None

    return dict(await until(found, f"a proposal about {cells}"))


async def test_a_hand_in_and_its_correction_after_the_closing_are_proposed_and_approved(running: Inside) -> None:
    closed = await close(running, form="KPI")
    row = next(one for one in closed["figures"]["rows"] if one["id"] == "BG-T15")
    assert (row["hit"], row["base"]) == (0, 0)
    await post(running, "hand-in", named("kinh-te", "2025-Q3", on="2025-09-15"))
    first = await proposed(running, ("BG-T15", "hit", 0, 1), ("BG-T15", "base", 0, 1))
    [cause] = first["causes"]
    assert cause["dossier"].startswith("kinh-te/") and cause["sources"] and cause["new_revision"] == 2
    assert (first["form"], cause["new_columns"]) == ("KPI", ["BG-T15:hit", "BG-T15:base"])

    await post(running, "hand-in", named("kinh-te", "2025-Q3", on="2025-09-16", correct=True))
    second = await proposed(running, ("BG-T15", "base", 0, 1))
    assert second["id"] != first["id"]
    answer = await running.http.post(f"/v1/reports/proposals/{second['id']}/approve", json={"as": "approver"})
    assert answer.status_code == 200, answer.text
    row = next(one for one in answer.json()["figures"]["rows"] if one["id"] == "BG-T15")
    assert (answer.json()["version"], row["hit"], row["base"]) == (2, 0, 1)


async def test_what_no_closed_form_counted_is_not_looked_at(running: Inside) -> None:
    """The report of the fourth quarter falls due in the first quarter of 2026, which nobody closed."""
    await post(running, "hand-in", named("kinh-te"))
    async with running.database("reporting") as database:
        codes = await database.fetch("SELECT DISTINCT code FROM late_fact WHERE kind = 'owed_report'")
    assert [row["code"].split("/")[-1] for row in codes] == ["2025-Q3"]
