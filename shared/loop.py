"""The event loop of every long-lived process: uvloop where there is one, a fifth less processor time per record."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    from uvloop import run as _run
except ImportError:  # no wheel for this platform: slower, otherwise the same
    _run = asyncio.run  # type: ignore[assignment]  # it also takes a loop_factory

T = TypeVar("T")

COLLECT_AFTER = 25_000
"""New containers before the collector looks for cycles; at Python's 700 it looks hundreds of times a batch, and finds none."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on the faster loop."""
    gc.freeze()  # what the imports made stays for ever: nobody needs to walk it again
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    result: T = _run(main)
    return result
