"""Pieces of a rebuild in processes of their own, as many as there are processors up to four: one alone leaves the others idle."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from shared.loop import run

MOST = 4
Done = TypeVar("Done")


class PieceFailed(OSError):
    """A piece of work failed in its process; the message is that of its error."""


class Workers:
    """Runs one coroutine function over many arguments, several at once; without processes one after the other, here."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool

    async def each(
        self, work: Callable[..., Coroutine[Any, Any, Done]], arguments: Sequence[tuple[Any, ...]]
    ) -> AsyncIterator[Done]:
        """What each piece gave, in the order in which they end; raises `PieceFailed`."""
        if self._pool is None:
            for given in arguments:
                yield await work(*given)
            return
        loop = asyncio.get_running_loop()
        waiting = {loop.run_in_executor(self._pool, _work, work, given) for given in arguments}
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    yield await one
        except BrokenProcessPool as error:
            raise PieceFailed("a process of the rebuild was ended from outside (out of memory?); try again") from error
        finally:
            for one in waiting:
                one.cancel()


@asynccontextmanager
async def workers(pieces: int) -> AsyncIterator[Workers]:
    """For that many pieces of work; the processes end with the block, and with us however we end."""
    count = min(MOST, os.cpu_count() or 1, pieces)
    if count <= 1:  # a process takes a second to start
        yield Workers(None)
        return
    # a fork would take our connections along
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield Workers(pool)
    finally:
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)


def _begin() -> None:
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to every process of the terminal; ours ends them in order
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed parent tells nobody: without this its processes would wait for work, and hold their connections, for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _work(work: Callable[..., Coroutine[Any, Any, Done]], given: tuple[Any, ...]) -> Done:
    try:
        return run(work(*given))
    except Exception as error:  # the driver's errors do not survive the way between two processes
        raise PieceFailed(str(error) or type(error).__name__) from None
