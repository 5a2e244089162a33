"""deploy/cluster for real: three servers of the bus, two of each service; one of each is killed while records come in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.deployment import Secrets
from shared import topology
from tests.deploy.speaking import UNIT, account, counted, say
from tests.deploy.stack import Stack, engine

pytestmark = [pytest.mark.deploy, pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Stack]:
    offline = engine()
    with tempfile.TemporaryDirectory(prefix="motcua-compose-") as folder:
        cluster = Stack(Path(folder), "deploy/cluster/docker-compose.yml")
        Secrets(cluster.secrets).make([UNIT])
        cluster.build(offline)
        try:
            cluster.up(seconds=400)
            yield cluster
        finally:
            cluster.compose("down", "--volumes", "--timeout", "5")


def healthy(cluster: Stack) -> list[str]:
    """Every running container that is well, by the name of its service."""
    return [
        one["Config"]["Labels"]["com.docker.compose.service"]
        for one in cluster.processes()
        if one["State"]["Health"]["Status"] == "healthy"
    ]


def test_three_servers_and_two_of_each_service_are_healthy(cluster: Stack) -> None:
    found = healthy(cluster)
    assert {"nats", "nats-2", "nats-3"} <= set(found)
    assert {name: found.count(name) for name in topology.SERVICES} == dict.fromkeys(topology.SERVICES, 2)


async def test_every_stream_has_three_copies_and_all_of_them_are_up_to_date(cluster: Stack) -> None:
    async with account(cluster, topology.OPERATOR) as operator:
        streams = await operator.jetstream().streams_info()
    assert {str(one.config.name) for one in streams} >= set(topology.STREAMS)
    for one in streams:
        assert one.cluster is not None
        copies = [one.cluster.leader, *(peer.name for peer in one.cluster.replicas or () if peer.current)]
        assert sorted(map(str, copies)) == ["nats-1", "nats-2", "nats-3"], one.config.name


async def test_one_server_and_one_of_each_service_die_and_nothing_is_lost_or_counted_twice(cluster: Stack) -> None:
    async with account(cluster, f"centre-{UNIT}") as centre:
        await say(centre, range(1, 51))
        sending = asyncio.create_task(say(centre, range(51, 251)))
        await asyncio.to_thread(cluster.kill, "nats-3-1", *(f"{name}-2" for name in topology.SERVICES))
        await sending
    await asyncio.to_thread(counted, cluster, 250)
    assert "nats-3" not in healthy(cluster), "it was counted while the server was away"

    await asyncio.to_thread(cluster.up)
    async with account(cluster, f"centre-{UNIT}") as centre:
        await say(centre, range(251, 261))
    await asyncio.to_thread(counted, cluster, 260)
    assert healthy(cluster).count("reporting") == 2
