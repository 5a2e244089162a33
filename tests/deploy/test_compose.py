"""`docker compose up` for real: a record goes in with the centre's account, the report comes out with the city's."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import nats
import pytest
from nats.js import JetStreamContext

from shared.topology import RECEIPT_TO
from tests.deploy.speaking import OTHER, QUARTER, UNIT, account, ask, close, counted, life, record, say
from tests.deploy.stack import Stack, until

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
ONE_SHOT = {"prepare", "provision"}
LONG_RUNNING = {
    "nats", "postgres", "dossier", "inspection", "reporting", "notification", "prometheus", "alertmanager", "grafana",
    "nats-exporter", "postgres-exporter", "mail",
}  # fmt: skip


def test_every_part_runs_confined_and_says_that_it_is_healthy(stack: Stack) -> None:
    found = {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in stack.processes()}
    assert set(found) == LONG_RUNNING
    for name, one in found.items():
        host = one["HostConfig"]
        assert one["State"]["Health"]["Status"] == "healthy", name
        assert one["Config"]["User"].split(":")[0] not in {"", "0", "root"}, name
        assert host["ReadonlyRootfs"], name
        assert 0 < host["Memory"] <= 2**30, name
        assert host["CapDrop"] == ["ALL"], name
        assert host["RestartPolicy"]["Name"] == "unless-stopped", name


def test_no_password_is_in_an_environment_or_a_command_line(stack: Stack) -> None:
    texts = {path.name: path.read_text("utf-8") for path in stack.secrets.iterdir()}
    passwords = {
        text for name, text in texts.items() if name.startswith(("nats-", "postgres-", "http-")) and len(text) == 32
    }
    assert len(passwords) >= 12
    said = json.dumps([(one["Config"]["Env"], one["Path"], one["Args"]) for one in stack.processes()])
    assert not [password for password in passwords if password in said]


async def test_a_record_goes_in_with_the_centre_s_account_and_the_report_comes_out_with_the_city_s(
    stack: Stack,
) -> None:
    async with account(stack, f"centre-{UNIT}") as centre, account(stack, "city") as city:
        inbox = centre.new_inbox()
        receipts = await centre.subscribe(inbox)
        for subject, body in life(1):
            await centre.jetstream().publish(subject, body, headers={RECEIPT_TO: inbox})
        said = list[dict[str, Any]]()
        while len(said) < 2:  # receipts of one batch come in one message
            said += json.loads((await receipts.next_msg(timeout=30)).data)
        assert [one["status"] for one in said] == ["accepted", "accepted"]
        await asyncio.to_thread(counted, stack, 1)
        await asyncio.to_thread(close, stack)
        event = await _next_closed(
            await city.jetstream().pull_subscribe("report.v1.>", "city", "REPORT", inbox_prefix=b"_INBOX.city.")
        )
    assert (event["data"]["unit"], event["data"]["period"], event["data"]["total"]["c8"]) == (UNIT, QUARTER, 1)


async def _next_closed(reports: JetStreamContext.PullSubscription) -> dict[str, Any]:
    while True:
        for message in await reports.fetch(1, timeout=30):
            await message.ack()
            event = json.loads(message.data)
            if event["type"].endswith(".closed.v1") and event["data"]["period"] == QUARTER:
                return dict(event)


async def test_the_centre_of_one_unit_cannot_speak_for_another_on_the_wire(stack: Stack) -> None:
    async with account(stack, f"centre-{UNIT}") as centre:
        subject, body = record(9_999, "received", "2025-08-01T08:00:00+07:00", unit=OTHER)
        with pytest.raises((nats.errors.Error, TimeoutError)):
            await centre.jetstream().publish(subject, body, timeout=2)


async def test_killed_and_restarted_parts_lose_nothing_and_count_nothing_twice(stack: Stack) -> None:
    async with account(stack, f"centre-{UNIT}") as centre:
        sending = asyncio.create_task(say(centre, range(2, 202)))
        for victim in ("dossier", "reporting", "nats", "postgres"):
            await asyncio.to_thread(stack.compose, "kill", victim)
            await asyncio.to_thread(stack.up)
        await sending
    await asyncio.to_thread(counted, stack, 201)


async def test_a_rolling_restart_at_three_reporting_processes_loses_nothing(stack: Stack) -> None:
    async with account(stack, f"centre-{UNIT}") as centre:
        sending = asyncio.create_task(say(centre, range(202, 402)))
        await asyncio.to_thread(stack.up, "--scale", "reporting=3")
        running = [one["Config"]["Labels"]["com.docker.compose.service"] for one in stack.processes()]
        assert running.count("reporting") == 3
        for service in ("dossier", "inspection", "reporting", "notification"):
            await asyncio.to_thread(stack.compose, "restart", service)
        await asyncio.to_thread(stack.up, "--scale", "reporting=3")
        await sending
    await asyncio.to_thread(counted, stack, 401)


def test_an_alarm_reaches_the_delivery_log_through_alertmanager_with_its_own_token(stack: Stack) -> None:
    alarm = {
        "labels": {"alertname": "ComposeTest", "severity": "page"},
        "annotations": {"summary": "try"},
    }
    httpx.post(
        f"http://127.0.0.1:{stack.ports['ALERTMANAGER']}/api/v2/alerts", json=[alarm], timeout=10
    ).raise_for_status()

    def told() -> list[str]:
        found = ask(stack, "notification", "/v1/alerts", unit="system")
        return [one["role"] for one in found if one["title"] == "[Hệ thống] KHẨN: try"]

    until(told, "the alarm in the delivery log, ten seconds after Alertmanager has it", 40)
    assert sorted(told()) == ["quan-tri", "van-hanh"]


def test_prometheus_sees_every_process_and_holds_its_rules(stack: Stack) -> None:
    prometheus = f"http://127.0.0.1:{stack.ports['PROMETHEUS']}/api/v1"

    def up() -> bool:
        targets = httpx.get(f"{prometheus}/targets").json()["data"]["activeTargets"]
        ours = [one["health"] for one in targets if one["labels"]["job"] == "motcua"]
        return len(ours) == 6 and set(ours) == {"up"}

    until(up, "six processes scraped: three of reporting, one each of the others", 60)
    assert httpx.get(f"{prometheus}/rules").json()["data"]["groups"]
