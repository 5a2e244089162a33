"""A real `motcua up` for tests that use the system from outside."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other accounts may pass through: the embedded PostgreSQL of root runs as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def system(place: Path) -> Iterator[Running]:
    running = Running(place / "data")
    running.up()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def shared_system() -> Iterator[Running]:
    """One system for a module's tests that do not disturb each other."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-test-"))
    folder.chmod(0o711)
    running = Running(folder / "data")
    running.up()
    yield running
    running.kill()
    shutil.rmtree(folder, ignore_errors=True)
