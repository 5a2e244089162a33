"""Owed reports on the real system, and what people do with them."""

from __future__ import annotations

from typing import Any

from tests.inside import UNIT, Inside


def named(agency: str, period: str = "2025-Q4", **more: Any) -> dict[str, Any]:
    """The body of a deed about one owed report."""
    return {"unit": UNIT, "from": agency, "period": period, **more}


async def post(running: Inside, deed: str, body: dict[str, Any], status: int = 200) -> Any:
    """Do a deed about an owed report."""
    answer = await running.http.post(f"/v1/reports/owed/{deed}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()
