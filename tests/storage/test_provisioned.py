"""What provisioning leaves behind: settings that take effect, accounts that stay in their place, schemas that can go back."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Sequence

import asyncpg
import nats
import pytest
import pytest_asyncio
from alembic import command
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from services.notification.hearing import RulesAreHeard
from services.notification.rules import load_rules
from services.provisioning import provision_bus
from shared import topology
from shared.database import alembic_config
from shared.settings import RULES
from tests.inside import Inside, inside, new_folder, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data) as one:
            yield one


def url_of(running: Inside, service: str) -> str:
    return str(json.loads((running.data / "runtime.json").read_text())["databases"][service])


async def test_changed_settings_of_a_durable_and_of_a_stream_take_effect(
    running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    js = running.bus.jetstream()
    wanted, streams = topology.consumer_configuration, topology.stream_configurations

    def changed(one: topology.Durable, only: Sequence[str] = ()) -> ConsumerConfig:
        return dataclasses.replace(wanted(one, only), max_ack_pending=1234)

    monkeypatch.setattr(topology, "consumer_configuration", changed)
    monkeypatch.setattr(
        topology, "stream_configurations",
        lambda *, replicas=1: [dataclasses.replace(one, duplicate_window=60) for one in streams(replicas=replicas)],
    )  # fmt: skip
    await topology.ensure(js)
    for one in topology.DURABLES:
        assert (await js.consumer_info(one.stream, one.name)).config.max_ack_pending == 1234
    for name in topology.STREAMS:
        assert (await js.stream_info(name)).config.duplicate_window == 60
    monkeypatch.undo()
    await topology.ensure(js)
    assert (await js.stream_info(topology.ONESTOP)).config.duplicate_window == 120
    assert (await js.consumer_info(topology.DOSSIER, "reporting")).config.max_ack_pending == 8000


async def test_only_what_the_alert_rules_name_travels_and_a_rule_that_cannot_be_heard_is_said(running: Inside) -> None:
    js = running.bus.jetstream()
    await provision_bus(running.system.servers.nats.url_of(topology.OPERATOR), RULES)
    config = (await js.consumer_info(topology.DOSSIER, "notification")).config
    assert (config.filter_subject, config.filter_subjects) == (
        None,
        ["dossier.v1.*.due_soon", "dossier.v1.*.overdue", "dossier.v1.*.overdue_withdrawn", "dossier.v1.*.rated"],
    )
    assert (await js.consumer_info(topology.INSPECTION, "notification-inspection")).config.filter_subjects == [
        "plan.v1.*.target_met",
        "plan.v1.*.target_missed",
    ]
    assert (await running.http.get("/readyz")).json() == {"ready": True, "problems": {}}

    await topology.ensure(js, only={"notification": ["dossier.v1.*.due_soon", "dossier.v1.10966.overdue"]})
    wrong = "; ".join((await running.http.get("/readyz")).json()["problems"]["notification"])
    assert wrong == (
        "alert rules wait for dossier.v1.*.overdue, dossier.v1.*.overdue_withdrawn, dossier.v1.*.rated, which the durable "
        "notification does not let through; run motcua provision with the rules of this service"
    )

    async def client() -> nats.NATS:
        return running.bus

    with pytest.raises(ValueError, match=r"does not let through; run motcua provision"):
        await RulesAreHeard(load_rules(RULES), client).start()
    await topology.ensure(js)  # wider than the rules ask: the service sifts by itself
    await RulesAreHeard(load_rules(RULES), client).start()
    assert (await running.http.get("/readyz")).json() == {"ready": True, "problems": {}}


async def test_the_centre_may_state_and_nothing_else(running: Inside) -> None:
    refusals = list[str]()

    async def heard(error: Exception) -> None:
        refusals.append(str(error).lower())

    account = topology.centre_account("10966")
    url = running.system.servers.nats.url_of(account.name)
    centre = await nats.connect(url, error_cb=heard, inbox_prefix=account.inbox)
    try:
        await centre.jetstream().publish(
            "onestop.v1.10966.received", b"{}"
        )  # stored: the centre may say anything there
        for forbidden in (
            "onestop.v1.10510.received",
            "dossier.v1.10966.resolved",
            "report.v1.10966.closed",
            "dead.v1.dossier",
        ):
            before = len(refusals)
            await centre.publish(forbidden, b"{}")
            await centre.flush()
            await until(lambda: _more_than(refusals, before), f"{forbidden} to be refused")  # noqa: B023
            assert "permissions violation" in refusals[-1] and forbidden in refusals[-1]
        with pytest.raises((TimeoutError, nats.errors.TimeoutError, APIError)):
            await centre.jetstream(timeout=0.5).stream_info(topology.DOSSIER)
        before = len(refusals)
        await centre.subscribe("dossier.v1.>")
        await until(lambda: _more_than(refusals, before), "listening to dossiers to be refused")
        assert (await running.bus.jetstream().stream_info(topology.DOSSIER)).state.messages == 0
    finally:
        await centre.close()


async def _more_than(refusals: list[str], count: int) -> bool:
    return len(refusals) > count


@pytest.mark.parametrize("service", topology.SERVICES)
async def test_a_role_reads_its_own_schema_and_no_other(running: Inside, service: str) -> None:
    connection = await asyncpg.connect(url_of(running, service))
    try:
        assert await connection.fetchval(f"SELECT count(*) >= 0 FROM {service}.outbox") is True
        for other in set(topology.SERVICES) - {service}:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match=f"schema {other}"):
                await connection.fetch(f"SELECT * FROM {other}.outbox")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine ()")
    finally:
        await connection.close()


async def test_readiness_names_a_consumer_that_is_gone_and_the_process_is_asked_to_end(running: Inside) -> None:
    assert (await running.http.get("/healthz")).text == "ok"
    await running.bus.jetstream().delete_consumer(topology.DOSSIER, "reporting")
    ready = await running.http.get("/readyz")
    assert ready.status_code == 503
    reason = "the consumer reporting on stream DOSSIER is gone; restart the service to create it"
    assert ready.json() == {"ready": False, "problems": {"reporting": [reason]}}
    assert (await running.http.get("/healthz")).text == "ok"
    async with asyncio.timeout(30):
        assert await asyncio.shield(running.system.fatal) == "reporting: the consumer reporting on DOSSIER is gone"
    await topology.ensure(running.bus.jetstream())


@pytest.mark.parametrize("service", topology.SERVICES)
async def test_the_schema_is_what_the_tables_say_and_every_migration_goes_back_and_forth(
    running: Inside, service: str
) -> None:
    config = alembic_config(service, url_of(running, service))
    await asyncio.to_thread(command.check, config)
    await asyncio.to_thread(command.downgrade, config, "base")
    async with running.database(service) as database:
        left = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", service)
        assert {row["tablename"] for row in left} <= {"alembic_version"}
    await asyncio.to_thread(command.upgrade, config, "head")
    await asyncio.to_thread(command.check, config)
