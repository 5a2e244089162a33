"""The house keeps its shape: every service the same files, imports in one direction, one head of migrations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.topology import DURABLES, SERVICES

ROOT = Path(__file__).resolve().parents[2]
SHAPE = {
    "service.py", "settings.py", "domain.py", "usecases.py", "handlers.py", "api.py", "tables.py", "repository.py",
    "metrics.py", "messages.py", "migrations",
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    here = {path.name for path in (ROOT / "services" / service).iterdir()}
    folders = {f"{path.name}.py" for path in (ROOT / "services" / service).iterdir() if path.is_dir()}
    assert SHAPE - here - folders == set()


def test_imports_point_in_one_direction() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_only_handlers_and_the_bus_know_faststream() -> None:
    allowed = {"handlers.py", "bus.py", "fetching.py", "runtime.py", "system.py"}
    users = {
        path.name
        for folder in ("services", "shared")
        for path in (ROOT / folder).rglob("*.py")
        if "faststream" in path.read_text("utf-8").replace("faststream.md", "").replace("faststream#", "")
        and any(
            line.startswith(("import faststream", "from faststream")) for line in path.read_text("utf-8").splitlines()
        )
    }
    assert users <= allowed


def test_every_durable_belongs_to_a_service_and_has_a_name_of_its_own() -> None:
    assert {one.service for one in DURABLES} <= set(SERVICES)
    assert len({one.name for one in DURABLES}) == len(DURABLES)


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_have_one_head(service: str) -> None:
    from alembic.script import ScriptDirectory

    from shared.database import alembic_config

    assert len(ScriptDirectory.from_config(alembic_config(service, "postgresql://nowhere")).get_heads()) == 1


def test_the_version_is_said_the_same_everywhere() -> None:
    import tomllib

    from shared.version import VERSION

    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == VERSION
    assert f"image: motcua:${{MOTCUA_VERSION:-{VERSION}}}" in (ROOT / "docker-compose.yml").read_text("utf-8")
