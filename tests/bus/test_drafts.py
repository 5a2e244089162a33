"""Documents of a report are rendered before anybody is held back; what is said meanwhile is in them all the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from typing import Any

import pytest

from services.reporting.usecases import closing
from tests.bus.reports import PERIOD, close, two_dossiers
from tests.inside import UNIT, Inside, inside, new_folder, record

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(150)]


async def signed(running: Inside) -> dict[str, Any]:
    """The signed document; each file that it names has the checksum it says."""
    place = {"unit": UNIT, "form": "II.06a", "period": PERIOD}
    async with running.database("reporting") as database:
        document = json.loads(await database.fetchval("SELECT document FROM report WHERE unit = $1", UNIT))
        files = await database.fetch("SELECT name, content FROM report_file WHERE unit = $1", UNIT)
    assert {name: document[name] for name in place} == place
    found = {row["name"]: hashlib.sha256(row["content"]).hexdigest() for row in files}
    assert found == {one["name"]: one["sha256"] for one in document["files"]}
    return dict(document)


async def test_what_is_said_while_documents_are_rendered_waits_for_nobody_and_is_in_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, rendering, go_on, times = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), list[int]()
    render = closing.render

    def slowly(*given: Any) -> Any:
        times.append(len(given[-1]))
        loop.call_soon_threadsafe(rendering.set)
        assert go_on.wait(90)
        return render(*given)

    monkeypatch.setattr(closing, "render", slowly)
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as running:
            await two_dossiers(running)
            closed = asyncio.create_task(close(running))
            async with asyncio.timeout(60):
                await rendering.wait()
            # `say` returns when the facts know it: no lock is in its way
            await running.say(record("received", "C", "2025-10-02", field="Hộ tịch", channel="online"))
            go_on.set()
            assert (await closed)["version"] == 1
            document = await signed(running)
    assert times == [2, 3]
    assert (document["total"]["c3"], document["dossiers"]["count"]) == (3, 3)


async def test_documents_are_rendered_once_and_a_close_that_fails_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    render, times = closing.render, list[int]()

    def fails(*given: Any) -> Any:
        times.append(len(given[-1]))
        if len(times) == 1:
            raise MemoryError("no room for the document")
        return render(*given)

    monkeypatch.setattr(closing, "render", fails)
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as running:
            await two_dossiers(running)
            answer = await running.http.post("/v1/reports/close", json={"unit": UNIT, "period": PERIOD})
            assert answer.status_code == 500
            async with running.database("reporting") as database:
                for table in ("report", "report_file", "report_dossier", "publication"):
                    assert await database.fetchval(f"SELECT count(*) FROM {table}") == 0
            assert (await close(running))["version"] == 1
            assert (await signed(running))["total"]["c3"] == 2
    assert times == [2, 2]
