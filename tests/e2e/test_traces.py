"""Traces: one from a door to the last reader, through the outbox, with its SQL; off by default; never a citizen's word."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import nats
import pytest

from shared.bus import publish_atomically
from shared.localtime import LOCAL
from tests.e2e.collector import Collector, Seen
from tests.e2e.running import Running
from tests.inside import new_folder

UNIT = "10966"
ORIGIN = "00f067aa0ba902b7"
CITIZEN = "Nguyễn Thị Bưởi 0912345678"
KEPT = {
    "motcua.correlation", "http.request.method", "http.route", "http.response.status_code", "db.system", "db.name",
    "db.user", "db.statement", "messaging.system", "messaging.operation.type", "messaging.destination.name",
    "messaging.consumer.group.name", "messaging.batch.message_count", "error.type",
}  # fmt: skip


def ago(minutes: int) -> str:
    return (datetime.now(LOCAL) - timedelta(minutes=minutes)).isoformat()


def statement(kind: str, dossier: str, minutes: int, **facts: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": f"{dossier}-{kind}", "source": "/onestop/31/traced", "subject": dossier,
        "type": f"vn.motcua.onestop.{kind}.v1", "time": ago(minutes), "correlationid": f"of-{dossier}",
        "data": {"unit": UNIT, "dossier": dossier, **facts},
    }  # fmt: skip


def received(dossier: str, **facts: Any) -> dict[str, Any]:
    return statement("received", dossier, 10, received_at=ago(10), **facts)


@contextlib.contextmanager
def started(**settings: str) -> Iterator[Running]:
    with new_folder() as data:
        running = Running(data, **settings)
        running.up()
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):  # a test may have stopped it
                running.kill()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as one:
        yield one
        one.shutdown()


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[Running]:
    with started(MOTCUA_TRACES=collector.url, MOTCUA_LOG_LEVEL="DEBUG") as running:
        yield running


def say(running: Running, *records: dict[str, Any], **headers: str) -> httpx.Response:
    with running.http as http:
        return http.post("/v1/records", content=json.dumps(records), headers=headers)


def on_bus(running: Running, *messages: tuple[dict[str, Any], dict[str, str]]) -> None:
    """One atomic batch of the centre's own: all of it is visible at once, so a service reads it as one."""

    async def work() -> None:
        client = await nats.connect(json.loads((running.data / "runtime.json").read_text())["nats_url"])
        said = [(f"onestop.v1.{UNIT}.received", json.dumps(one).encode(), headers) for one, headers in messages]
        await publish_atomically(client, said)
        await client.close()

    asyncio.run(work())


def logged(running: Running) -> list[dict[str, Any]]:
    lines = (running.data.parent / "up.log").read_text().splitlines()
    return [json.loads(one) for one in lines if one.startswith("{")]


def wait(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain: {what}")


def whole(collector: Collector, trace: str, names: set[str]) -> dict[str, Seen]:
    """The spans of a trace, once all of these names are among them."""
    wait(lambda: names <= {one.name for one in collector.of(trace).values()}, f"{names} in trace {trace}")
    return collector.of(trace)


def test_one_trace_goes_from_the_door_through_the_outbox_to_every_service_with_its_sql(
    traced: Running, collector: Collector
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    records = received("TRACE-1"), statement("rated", "TRACE-1", 5, rating=1)
    assert say(traced, *records, traceparent=f"00-{trace}-{ORIGIN}-01").status_code == 200

    steps = {
        "POST /v1/records", "process dossier", "publish DOSSIER", "process inspection", "process reporting",
        "process notification", "publish ALERT",
    }  # fmt: skip
    spans = whole(collector, trace, steps)
    by_name = {one.name: one for one in spans.values()}
    assert by_name["POST /v1/records"].parent == ORIGIN
    assert by_name["process dossier"].parent == by_name["POST /v1/records"].id
    for later in ("publish DOSSIER", "process inspection", "process reporting", "process notification"):
        assert by_name[later].parent == by_name["process dossier"].id
    assert by_name["publish ALERT"].parent == by_name["process notification"].id

    written = {
        (spans[one.parent].name, table)
        for one in spans.values()
        for table in ("journal", "fact", "alert", "outbox")
        if one.name == "INSERT" and f"INTO {table} " in one.attributes["db.statement"]
    }
    assert {("process dossier", "journal"), ("process notification", "alert")} <= written
    assert any(one.name == "WITH" and spans[one.parent].name == "process reporting" for one in spans.values())
    assert by_name["process reporting"].attributes["motcua.correlation"] == "of-TRACE-1"


def test_the_log_names_the_trace_of_what_it_tells(traced: Running, collector: Collector) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4799"
    assert say(traced, received("TRACE-0"), traceparent=f"00-{trace}-{ORIGIN}-01").status_code == 200
    bad = {**received("TRACE-0B"), "time": "never"}
    assert say(traced, bad, traceparent=f"00-{trace}-{ORIGIN}-01").json()["rejected"] == 1
    [kept] = [one for one in logged(traced) if one.get("correlation") == "of-TRACE-0B"]
    assert kept["trace"] == trace


def test_records_of_one_batch_keep_their_own_traces_and_the_batch_is_linked_with_each(
    traced: Running, collector: Collector
) -> None:
    traces = [f"{number:032x}" for number in range(0xA0, 0xB4)]
    on_bus(
        traced,
        *(
            # by the event's own attribute, as CloudEvents has it, or by the message's header, as NATS clients do
            ({**received(f"MANY-{trace[-2:]}"), "traceparent": f"00-{trace}-{ORIGIN}-01"}, {})
            if number % 2
            else (received(f"MANY-{trace[-2:]}"), {"traceparent": f"00-{trace}-{ORIGIN}-01"})
            for number, trace in enumerate(traces)
        ),
    )
    for trace in traces:
        spans = whole(collector, trace, {"process dossier", "process inspection", "process reporting"})
        [dossier] = [one for one in spans.values() if one.name == "process dossier"]
        [reporting] = [one for one in spans.values() if one.name == "process reporting"]
        assert (dossier.parent, reporting.parent) == (ORIGIN, dossier.id)
        assert dossier.attributes["motcua.correlation"] == f"of-MANY-{trace[-2:]}"

    items = {one.id: one for trace in traces for one in collector.of(trace).values() if one.name == "process dossier"}
    batch = wait(
        lambda: next(
            (one for one in collector.spans if one.name == "process dossier" and items.keys() <= one.links), None
        ),
        "the span of the batch",
    )
    assert batch.trace not in traces
    assert batch.attributes["messaging.batch.message_count"] == 20
    assert all(one.links == {batch.id} for one in items.values())
    inserts = [one for one in collector.of(batch.trace).values() if one.parent == batch.id and one.name == "INSERT"]
    assert any("INTO journal" in one.attributes["db.statement"] for one in inserts)


def test_a_statement_without_a_trace_begins_one_and_what_is_none_is_passed_over(
    traced: Running, collector: Collector
) -> None:
    on_bus(traced, (received("ALONE-1"), {"traceparent": "nonsense"}))

    def dossier() -> Seen | None:
        mine = [one for one in collector.spans if one.attributes.get("motcua.correlation") == "of-ALONE-1"]
        return next((one for one in mine if one.name == "process dossier"), None)

    first = wait(dossier, "the statement's span")
    assert first.parent == ""
    whole(collector, first.trace, {"process inspection", "process reporting"})


def test_no_word_of_a_citizen_and_no_idle_look_leaves_the_house(traced: Running, collector: Collector) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4777"
    origin = f"00-{trace}-{ORIGIN}-01"
    say(traced, received("DISCREET-1", reason=CITIZEN), traceparent=origin)
    say(traced, {**received("DISCREET-2"), "time": CITIZEN}, traceparent=origin)
    with traced.http as http:
        http.get("/v1/alerts", params={"unit": UNIT, "limit": CITIZEN}, headers={"traceparent": origin})
        http.get(f"/v1/{CITIZEN}", headers={"traceparent": origin})
        http.get("/healthz", headers={"traceparent": origin})
    whole(collector, trace, {"POST /v1/records", "process reporting", "GET /v1/alerts"})
    assert traced.stop() == 0  # what was still waiting has been sent
    for part in CITIZEN.split():
        assert not any(part.encode() in body for body in collector.bodies)
    assert {name for one in collector.spans for name in one.attributes} <= KEPT
    assert {one.process for one in collector.spans} == {"motcua"}
    assert not [one for one in collector.spans if not one.parent and "db.statement" in one.attributes]


@pytest.mark.parametrize(
    ("address", "line"), [("http://127.0.0.1:9", "traces_not_sent"), ("collector:4318", "traces_off")]
)
def test_an_address_that_takes_nothing_is_said_once_and_the_work_goes_on(address: str, line: str) -> None:
    with started(MOTCUA_TRACES=address) as running:
        for number in range(3):
            assert say(running, received(f"LOST-{number}")).json()["accepted"] == 1
            wait(lambda: logged(running), "the complaint")
        begun = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - begun < 20
        assert [one["event"] for one in logged(running)] == [line]


def test_off_nothing_of_it_is_loaded_and_events_say_nothing_of_it() -> None:
    code = """
import sys
import services.system
from shared.settings import ServiceSettings
from shared.tracing import NoTracing, tracing_of
assert isinstance(tracing_of(ServiceSettings(), "motcua"), NoTracing)
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "shared.otlp", "opentelemetry.instrumentation", "google.protobuf"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
