"""One stack for every file of this folder: bringing it up costs more than most of what is tried on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.deployment import Secrets
from tests.deploy.speaking import OTHER, UNIT
from tests.deploy.stack import Stack, engine


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    offline = engine()
    with tempfile.TemporaryDirectory(prefix="motcua-compose-") as folder:
        stack = Stack(Path(folder))
        Secrets(stack.secrets).make([UNIT, OTHER])
        stack.build(offline)
        try:
            stack.up()
            yield stack
        finally:
            stack.compose("down", "--volumes", "--timeout", "5")
