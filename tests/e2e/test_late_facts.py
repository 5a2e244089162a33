"""A crash while late facts are judged neither loses nor doubles a proposal."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.reporting import repository
from services.system import System, start_system
from tests.e2e.test_closed_reports import PERIOD, UNIT, completed, received


async def tell(http: httpx.AsyncClient, told: list[dict[str, Any]]) -> None:
    answer = await http.post("/v1/records", json=told, headers={"Content-Type": "application/cloudevents-batch+json"})
    assert answer.is_success, answer.text


async def digested(system: System) -> None:
    calm = 0
    async with asyncio.timeout(60):
        while calm < 2:
            counts = [count for service in system.services for count in (await service.waiting()).values()]
            calm = 0 if any(counts) else calm + 1
            await asyncio.sleep(0.02)


async def test_a_crash_between_proposal_and_bookkeeping_leaves_one_proposal(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashes = list[int]()
    note_judged = repository.note_judged

    async def crash_twice(session: Any, keys: Any) -> None:
        await note_judged(session, keys)
        if len(crashes) < 2:
            crashes.append(len(keys))
            raise RuntimeError("killed before the commit")

    monkeypatch.setattr(repository, "note_judged", crash_twice)
    async with start_system(place / "data") as system:
        headers = {"Authorization": f"Bearer {system.token}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60) as http:
            await tell(http, [received(1)])
            await digested(system)
            assert (await http.post("/v1/reports/close", json={"unit": UNIT, "period": PERIOD})).is_success
            await tell(http, [completed(1, "2025-10-06")])
            await digested(system)
            found = (await http.get("/v1/reports/proposals", params={"unit": UNIT, "closed": True})).json()
    assert crashes == [1, 1]
    assert [[(one["column"], one["old"], one["new"]) for one in each["cells"]] for each in found] == [
        [("c7", 0, 1), ("c8", 0, 1), ("c11", 1, 0), ("c13", 1, 0)]
    ]
