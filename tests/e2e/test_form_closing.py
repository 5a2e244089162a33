"""Any form is closed, checked offline and restated like II.06a, and hears of facts that only it counts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.reporting import signing, verifying
from tests.e2e.filling import LE_THANH_NGHI, ask, close, rows_of, with_a_new_form
from tests.inside import Inside, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    async with with_a_new_form() as one:
        yield one


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


async def test_no_event_about_a_closed_form_becomes_a_dead_letter(running: Inside) -> None:
    """The alert about a closed report once named columns that only II.06a has."""
    await running.settled()
    assert await running.letters("notification") == []
