"""The processes of a rebuild: they end with the command however it ends, and say what went wrong in them."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import psutil
import pytest

from services.rebuilding import working
from tests.inside import until

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

SLEEPING = """
import asyncio, os
from services.rebuilding import working

os.cpu_count = lambda: 2

async def main():
    async with working.workers(2) as pool:
        async for _ in pool.each(asyncio.sleep, [(600,), (600,)]):
            pass

asyncio.run(main())
"""


async def test_they_do_not_outlive_a_command_that_is_killed() -> None:
    command = await asyncio.create_subprocess_exec(sys.executable, "-c", SLEEPING)

    async def started() -> list[psutil.Process]:
        found = [one for one in psutil.Process(command.pid).children() if "spawn_main" in " ".join(one.cmdline())]
        return found if len(found) == 2 else []

    processes = list[psutil.Process]()
    try:
        processes = await until(started, "two processes to work", 60)
        command.kill()
        await command.wait()

        async def gone() -> bool:
            return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)

        await until(gone, "both processes to end")
    finally:
        for one in (*processes, command):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                one.kill()


async def test_an_error_in_one_is_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working.os, "cpu_count", lambda: 2)
    async with working.workers(2) as pool:
        pieces = pool.each(asyncio.open_unix_connection, [("/nowhere",), ("/nowhere",)])
        with pytest.raises(working.PieceFailed, match="No such file or directory"):
            await anext(pieces)


async def test_one_piece_of_work_needs_no_process() -> None:
    async with working.workers(1) as pool:
        assert [done async for done in pool.each(asyncio.sleep, [(0, "done")])] == ["done"]
