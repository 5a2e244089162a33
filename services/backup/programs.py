"""PostgreSQL's own tools, as they come with the wheel: whoever has motcua has them, in the image too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from services.backup.folder import BackupFailed
from services.backup.installation import Tell
from services.embedded.residence import client_program

_TABLE = re.compile(r'(?:contents of|data for) table "([^"]+)"')


async def run_tool(name: str, url: str, *arguments: str, sizes: Mapping[str, int], tell: Tell) -> None:
    """Run `pg_dump` or `pg_restore` against *url*; raises `BackupFailed` with its last words.

    `sizes` are the bytes of each `schema.table`; *tell* hears how many of them are behind it. The password travels in
    the environment: a command line is for everybody to read.
    """
    parts = urlsplit(url)
    place = urlunsplit(parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}"))
    process = await asyncio.create_subprocess_exec(
        str(client_program(name)), "--verbose", f"--dbname={place}", *arguments,
        env={"PGPASSWORD": unquote(parts.password or ""), "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said, follow = list[str](), _Follow(sizes, tell)
    try:
        async for raw in process.stderr:
            line = raw.decode(errors="replace").strip()
            follow(line)
            said = [*said[-3:], line]
        code = await process.wait()
    finally:
        if process.returncode is None:  # we are being stopped: half a dump helps nobody
            process.kill()
            await process.wait()
    if code != 0:
        raise BackupFailed(f"{name} ended with code {code}: {' / '.join(said)}")
    follow.end()


class _Follow:
    """Counts the bytes of the tables that a tool has left behind, from what it says of the one in hand."""

    def __init__(self, sizes: Mapping[str, int], tell: Tell) -> None:
        self._sizes, self._tell, self._done, self._in_hand = sizes, tell, 0, ""
        self._total = sum(sizes.values())

    def __call__(self, line: str) -> None:
        if found := _TABLE.search(line):
            self._done += self._sizes.get(self._in_hand, 0)
            self._in_hand = found[1]
            self._tell(f"database: {self._in_hand}", self._done, self._total)

    def end(self) -> None:
        self._tell("database", self._total, self._total)
