"""One id from a centre's statement to the alert: on every event, and in the log lines of all four services."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.observability import configure_logs
from shared.topology import ALERT, DEAD, DOSSIER, REPORT
from tests.inside import UNIT, Inside, record, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
DISSATISFIED = {"rating": 1}
"""What an alert rule waits for (dossier-dissatisfied), so that the notification service has something to decide."""


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the process logs from now on, to the last detail, as JSON lines."""
    written = io.StringIO()
    configure_logs(level="DEBUG", console=False, stream=written)
    yield written
    configure_logs(level="WARNING", console=False)


def logged(lines: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, lines.getvalue().splitlines()) if one["event"] == event]


async def test_a_statement_is_found_by_one_id_in_the_events_and_logs_of_all_four_services(
    running: Inside, lines: io.StringIO
) -> None:
    before = {stream: await running.last(stream) for stream in (DOSSIER, ALERT)}
    one = record("received", "CORR-1", "2025-11-19", received_at="2025-11-19", due_at="2025-12-19")
    two = record("rated", "CORR-1", "2025-11-20", **DISSATISFIED)
    for said in (one, two):
        said["correlationid"] = "centre-4711"
        await running.publish(f"onestop.v1.{UNIT}.{said['type'].split('.')[3]}", json.dumps(said).encode())
    await running.settled()

    told = await running.messages(DOSSIER, f"dossier.v1.{UNIT}.*", before[DOSSIER])
    assert {event["correlationid"] for event in told if event["subject"] == "CORR-1"} == {"centre-4711"}

    async def alerted() -> bool:
        alerts = await running.messages(ALERT, f"alert.v1.{UNIT}.*", before[ALERT])
        return [event["correlationid"] for event in alerts if event["subject"] == "CORR-1"] == ["centre-4711"] * 2

    await until(alerted, "the alert to be decided and sent")
    read = {one["durable"] for one in logged(lines, "batch_read") if "centre-4711" in one["correlations"]}
    assert read == {"dossier", "inspection", "reporting", "notification"}


async def test_a_statement_without_a_correlation_is_found_by_its_own_id(running: Inside, lines: io.StringIO) -> None:
    await running.say(record("received", "CORR-2", "2025-11-19", id="slip-2", received_at="2025-11-19"))
    read = {one["durable"] for one in logged(lines, "batch_read") if "slip-2" in one["correlations"]}
    assert read == {"dossier", "inspection", "reporting"}


async def test_what_is_refused_is_found_by_its_id_in_the_log_and_in_the_dead_letter(
    running: Inside, lines: io.StringIO
) -> None:
    before = await running.last(DEAD)
    bad = {**record("received", "", "2025-11-19", id="slip-3"), "correlationid": "centre-4712"}
    nameless = b'{"id": "\\u0000' + b"x" * 500 + b'"}'
    await running.publish(f"onestop.v1.{UNIT}.received", json.dumps(bad).encode(), nameless, b"no event")
    await running.settled()

    kept = logged(lines, "dead_letter_kept")
    assert [one.get("correlation") for one in kept] == ["centre-4712", None, None]
    letters = await running.messages(DEAD, "dead.v1.dossier", before)
    assert letters[0]["correlationid"] == "centre-4712"
    assert [one["correlationid"] == one["id"] for one in letters] == [False, True, True]


async def test_a_batch_that_fails_names_its_items(running: Inside, lines: io.StringIO) -> None:
    async with running.database("reporting") as database:
        await database.execute("ALTER TABLE fact RENAME TO fact_away")
        try:
            said = {
                **record("received", "CORR-4", "2025-11-19", received_at="2025-11-19"),
                "correlationid": "centre-4713",
            }
            await running.publish(f"onestop.v1.{UNIT}.received", json.dumps(said).encode())

            async def failed() -> list[dict[str, Any]]:
                return logged(lines, "batch_failed")

            [first, *_] = await until(failed, "the reporting service to fail")
        finally:
            await database.execute("ALTER TABLE fact_away RENAME TO fact")
    assert (first["durable"], first["correlations"]) == ("reporting", ["centre-4713"])
    await running.settled()


async def test_a_request_is_found_by_its_id_in_the_answer_the_log_and_the_events_that_it_caused(
    running: Inside, lines: io.StringIO
) -> None:
    before = await running.last(REPORT)
    answer = await running.http.post(
        "/v1/reports/close",
        headers={"X-Correlation-Id": "desk-9"},
        json={"unit": UNIT, "form": "II.06a", "period": "2025-Q3"},
    )
    assert answer.status_code < 300, answer.text
    assert answer.headers["X-Correlation-Id"] == "desk-9"
    await running.settled()
    [closed] = logged(lines, "report_closed")
    assert closed["correlation"] == "desk-9"
    said = await running.messages(REPORT, f"report.v1.{UNIT}.closed", before)
    assert [one["correlationid"] for one in said] == ["desk-9"]


@pytest.mark.parametrize("sent", [{}, {"X-Correlation-Id": "two words"}, {"X-Correlation-Id": "x" * 201}])
async def test_a_request_without_an_id_of_its_own_is_given_one(running: Inside, sent: dict[str, str]) -> None:
    first, second = [(await running.http.get("/healthz", headers=sent)).headers["X-Correlation-Id"] for _ in "ab"]
    assert len(first) == 32
    assert first != second
