"""`python -m benchmarks.http_door`: records/s of POST /v1/records, batches of 500, four in flight, everything running.

The load comes from a process of its own on the same machine: `motcua up` and the sender share its cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import typer

from benchmarks import records
from benchmarks.lines import Line, Tell, at_least, measure_alone
from benchmarks.servers import MOTCUA, passable_folder, pipeline
from shared.events.envelope import BATCH_TYPE

BATCH, IN_FLIGHT = 500, 4
TARGET, RECORDS = 3_000, 20_000


@contextlib.asynccontextmanager
async def motcua_up() -> AsyncIterator[tuple[httpx.AsyncClient, subprocess.Popen[str]]]:
    """`motcua up` on an empty folder, and a client with the operator's token."""
    with passable_folder() as place:
        arguments = [str(MOTCUA), "up", "--data", str(place / "data"), "--port", "0"]
        quiet = os.environ | {"MOTCUA_LOG_LEVEL": "ERROR"}
        process = subprocess.Popen(arguments, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: ASYNC220 - nothing else runs yet
        try:
            assert process.stdout is not None
            url = next(line.split()[1] for line in process.stdout if line.startswith("ready "))
            token = (place / "data" / "secrets" / "http-operator").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=120, trust_env=False) as http:
                yield http, process
        finally:
            process.terminate()
            process.wait(timeout=60)


async def digested(http: httpx.AsyncClient) -> float:
    """When all four services had worked off what they heard (`perf_counter`): nothing waits, three looks in a row."""
    calm, since = 0, 0.0
    while calm < 3:
        now = time.perf_counter()
        busy = any((await http.get("/v1/backlog")).json().values())
        calm, since = (0, 0.0) if busy else (calm + 1, since or now)
        await asyncio.sleep(0.2)
    return since


async def send(http: httpx.AsyncClient, bodies: list[bytes]) -> None:
    """Post all bodies, `IN_FLIGHT` at a time; raises `RuntimeError` unless every record was accepted or a duplicate."""
    waiting = iter(bodies)

    async def one_sender() -> None:
        for body in waiting:
            answer = await http.post("/v1/records", content=body, headers={"Content-Type": BATCH_TYPE})
            if answer.status_code != 200 or answer.json()["rejected"]:
                raise RuntimeError(f"{answer.status_code} {answer.text[:200]}")

    await asyncio.gather(*(one_sender() for _ in range(IN_FLIGHT)))


def bodies(count: int) -> list[bytes]:
    """`count` statements of a simulated centre in batches."""
    said = [body for _, body, _ in records.centre_messages(count)]
    return [b"[" + b",".join(said[start : start + BATCH]) + b"]" for start in range(0, len(said), BATCH)]


async def _rate(http: httpx.AsyncClient, count: int) -> float:
    """Records/s until the last receipt."""
    warm, *rest = bodies(count + BATCH)
    await send(http, [warm])
    await digested(http)
    begin = time.perf_counter()
    await send(http, rest)
    return count / (time.perf_counter() - begin)


async def measure(tell: Tell, *, count: int = RECORDS) -> list[Line]:
    """Records/s of `motcua up` (all in one process) and of four processes, as in containers; one of them has to do."""
    tell("motcua up")
    async with motcua_up() as (http, _):
        one = await _rate(http, count)
    tell("motcua serve, four processes")
    async with pipeline() as line:
        line.http.base_url = httpx.URL(line.urls["dossier"])
        four = await _rate(line.http, count)
    better, other = ("four processes", "one process") if four > one else ("one process", "four processes")
    what = f"POST /v1/records, {BATCH} a request, {IN_FLIGHT} in flight"
    return [
        at_least(f"{what}, {better}", max(one, four), TARGET, "records/s"),
        Line(f"{what}, {other}", f"{min(one, four):,.0f} records/s"),
    ]


def main(count: Annotated[int, typer.Option(min=BATCH, help="records")] = RECORDS) -> None:
    """Measure the HTTP door."""
    measure_alone(f"python -m benchmarks.http_door --count {count}", lambda tell: measure(tell, count=count))


if __name__ == "__main__":
    typer.run(main)
