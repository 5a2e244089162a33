"""Every route against its own description with whatever schemathesis can think of: no failure of ours, nothing of our inside told."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from tests.e2e.running import Running

EXAMPLES = 15
"""Requests for each operation; the same ones each time, so that a run that failed fails again."""
INSIDE = ("Traceback", 'File "', "asyncpg", "sqlalchemy", "/services/", "site-packages")


@pytest.mark.timeout(300)
def test_no_request_makes_any_route_fail(shared_system: Running) -> None:
    described = schemathesis.openapi.from_url(f"{shared_system.url}/openapi.json")
    headers = {"Authorization": shared_system.http.headers["Authorization"]}
    failed, asked = list[str](), 0
    for found in described.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            nonlocal asked
            answer = case.call(headers=headers)
            asked += 1
            told = [one for one in INSIDE if one in answer.text]
            # 503 says: later; that is no failure
            if told or (answer.status_code >= 500 and answer.status_code != 503):
                failed.append(f"{case.method} {answer.request.url}: {answer.status_code} {answer.text[:200]} {told}")

        ask()
    assert asked > 300
    assert not failed, "\n".join(failed)
