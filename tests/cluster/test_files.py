"""The cluster's compose file, as `docker compose config` understands it together with the first one; no engine is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.topology import SERVICES

HOUSE = Path(__file__).parent.parent.parent
FILES = ("-f", "docker-compose.yml", "-f", "deploy/cluster/docker-compose.yml")


@pytest.fixture(scope="module")
def merged() -> dict[str, Any]:
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed: the cluster's file is not read")
    said = subprocess.run(
        ["docker", "compose", *FILES, "config", "--format", "json"], cwd=HOUSE, capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    return dict(json.loads(said.stdout))


def test_three_servers_have_a_name_and_a_volume_each_and_meet_with_certificates(merged: dict[str, Any]) -> None:
    servers = {name: one for name, one in merged["services"].items() if name in {"nats", "nats-2", "nats-3"}}
    assert [one["environment"]["MOTCUA_SERVER_NAME"] for one in servers.values()] == ["nats-1", "nats-2", "nats-3"]
    assert {one["volumes"][0]["source"] for one in servers.values()} == {"nats", "nats-2", "nats-3"}
    for one in servers.values():
        assert one["volumes"][1]["source"].endswith("deploy/cluster/nats.conf")
        assert {secret["source"] for secret in one["secrets"]} == {"ca", "nats-certificate", "nats-key"}
        assert one["read_only"] and one["user"] == "10001:10001" and one["mem_limit"]
    assert list(servers["nats"]["networks"]["default"]["aliases"]) == ["nats-1"]


def test_each_service_runs_twice_with_a_port_each_and_knows_all_servers(merged: dict[str, Any]) -> None:
    for name in SERVICES:
        one = merged["services"][name]
        assert one["scale"] == 2
        first, _, last = one["ports"][0]["published"].partition("-")
        assert int(last) > int(first)
        assert merged["secrets"][f"{name}-nats-url"]["file"].endswith("-cluster")
    assert merged["services"]["provision"]["environment"]["MOTCUA_REPLICAS"] == "3"
