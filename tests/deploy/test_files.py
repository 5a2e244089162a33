"""What can be said of docker-compose.yml without an engine: pinned, bounded, confined, and explained line by line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.notification.rules import load_receivers
from shared.settings import RULES
from shared.units import load_units
from tests.deploy.stack import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
ONE_SHOT = {"prepare", "provision"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_part_is_pinned_bounded_confined_and_watched(name: str) -> None:
    part = SERVICES[name]
    host, _, version = part["image"].rpartition(":")
    assert re.search(r"\d+\.\d+", version) or host == "motcua", "a version, not latest"
    assert "." not in host.split("/")[0], "no registry is named: whoever runs a mirror sets it for the whole engine"
    assert part["read_only"] and part["cap_drop"] == ["ALL"] and "mem_limit" in part
    assert part["user"].split(":")[0] not in {"0", "root"}
    if name in ONE_SHOT:
        assert part["restart"] == "no"
    else:
        assert part["restart"] == "unless-stopped" and part["healthcheck"]["test"]


def test_what_stays_lies_in_named_volumes_and_what_is_mounted_cannot_be_written() -> None:
    for part in SERVICES.values():
        for mount in part.get("volumes", []):
            named = not mount.startswith((".", "/", "$"))
            assert named or mount.endswith(":ro"), mount


def test_every_variable_is_explained_with_the_default_that_it_has() -> None:
    used = dict(re.findall(r"\$\{(MOTCUA_\w+):-([^}]*)\}", TEXT))
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    explained = dict(line[1:].split("=", 1) for line in lines if re.match(r"#MOTCUA_\w+=", line))
    assert explained == used
    assert not re.search(r"\$\{MOTCUA_\w+\}", TEXT), "each has a default"


def test_no_file_of_the_deployment_names_a_registry() -> None:
    hosts = re.compile(r"\b(quay|docker|ghcr|gcr|mcr)\.(io|com)\b")
    files = [ROOT / "docker-compose.yml", *(one for one in (ROOT / "deploy").rglob("*") if one.is_file())]
    assert not [str(one) for one in files if hosts.search(one.read_bytes().decode("utf-8", "ignore"))]


@pytest.mark.parametrize("file", sorted((ROOT / "deploy" / "notification").glob("*.yaml")), ids=lambda one: one.name)
def test_the_receivers_of_containers_can_be_read(file: Path) -> None:
    load_receivers(file, RULES, load_units(RULES))
