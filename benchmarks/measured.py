"""The measurements: one bare hop, the pipeline, its latency under a light load, and the obvious way."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from benchmarks import records
from benchmarks.servers import Pipeline, bare_servers, children
from services.embedded import BusUser
from services.provisioning import DATABASE, provision_database
from shared import topology
from shared.bus import publish_atomically
from shared.localtime import LOCAL
from shared.topology import BATCH

Told = Callable[[str], None]


async def bare_hop(messages: Sequence[records.Message]) -> float:
    """Messages/s of (a): atomic batches in, batch fetches out, each message acknowledged, both at once."""
    async with bare_servers() as servers:
        client = await nats.connect(servers.nats.url_of(topology.OPERATOR))
        js = client.jetstream()
        await topology.ensure(js)
        reader = await js.pull_subscribe_bind("dossier", topology.ONESTOP)

        async def read() -> None:
            left = len(messages)
            while left:
                try:
                    found = await reader.fetch(min(BATCH, left), timeout=1)
                except TimeoutError:
                    continue
                await asyncio.gather(*(one.ack() for one in found))
                left -= len(found)

        begin = time.perf_counter()
        await asyncio.gather(read(), say(client, messages))
        await client.flush()
        taken = time.perf_counter() - begin
        await client.close()
    return len(messages) / taken


async def say(client: Client, messages: Sequence[records.Message]) -> None:
    """Publish in atomic batches, one after the other, as a centre that catches up does."""
    for start in range(0, len(messages), BATCH):
        await publish_atomically(client, messages[start : start + BATCH])


async def throughput(line: Pipeline, warm: Sequence[records.Message], messages: Sequence[records.Message]) -> float:
    """Records/s of (b), from the first publish until all four services have digested the last."""
    await say(line.bus, warm)
    await line.digested()
    begin = time.perf_counter()
    await say(line.bus, messages)
    end = await line.digested()
    url = line.servers.postgres_dsn(database=DATABASE)
    await _all_done(url, [*warm, *messages], records="dossier.journal", dossiers=("dossier.dossier", "reporting.fact"))
    return len(messages) / (end - begin)


async def _all_done(url: str, said: Sequence[records.Message], *, records: str, dossiers: Sequence[str]) -> None:
    """Raise `RuntimeError` unless every different record and dossier is in its tables: what refuses its work is fast."""
    heard = [json.loads(body) for _, body, _ in said]
    wanted = {records: len({(one["source"], one["id"]) for one in heard})}
    wanted |= dict.fromkeys(dossiers, len({(one["data"]["unit"], one["subject"]) for one in heard}))
    connection = await asyncpg.connect(url)
    try:
        found = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in wanted}
    finally:
        await connection.close()
    if found != wanted:
        raise RuntimeError(f"not all of the work was done: {found} instead of {wanted}")


async def latency(line: Pipeline, *, seconds: int, a_second: int, told: Told) -> tuple[list[float], int]:
    """Milliseconds from a record's publish to its `alert.v1.<unit>.decided` on the bus, sorted; and how many never came."""
    listener = await nats.connect(line.servers.nats.url_of(topology.OPERATOR))
    sent, came = dict[str, float](), dict[str, float]()

    async def hear(message: Msg) -> None:
        came.setdefault(json.loads(message.data)["subject"], time.perf_counter())

    await listener.subscribe("alert.v1.*.decided", cb=hear)
    await listener.flush()
    begin, js = time.perf_counter(), line.bus
    for number in range(seconds * a_second):
        await asyncio.sleep(max(0.0, begin + number / a_second - time.perf_counter()))
        subject, body, headers = records.dissatisfied(number, datetime.now(LOCAL))
        # when it was due: a publish that waits for the one before it waits inside the figure
        sent[f"BENCH-{number}"] = begin + number / a_second
        await js.publish(subject, body, headers=headers)
        if number % a_second == 0:
            told(f"{number // a_second} of {seconds} s")
    await line.digested()
    await listener.flush()
    await listener.close()
    return sorted((came[key] - at) * 1000 for key, at in sent.items() if key in came), len(sent.keys() - came.keys())


async def obvious(messages: Sequence[records.Message]) -> float:
    """Records/s of (c): the same stages in the same number of processes, written the way a tutorial would."""
    anyone = BusUser(name="obvious", password="obvious", publish=[">"], subscribe=[">"])
    async with bare_servers(anyone) as servers:
        await provision_database(servers.postgres_dsn(), {"obvious": servers.folder.secret("postgres-obvious")})
        urls = {
            "NATS_URL": servers.nats.url_of(anyone.name),
            "DATABASE_URL": servers.postgres_dsn("obvious", DATABASE).replace("postgresql:", "postgresql+asyncpg:"),
        }
        stages = ("dossier", "reporting", "inspection", "notification")
        arguments = {name: [sys.executable, "-m", "benchmarks.obvious", name] for name in stages}
        with children({"tables": ([*arguments["dossier"][:-1], "create"], urls)}):
            pass
        with children({name: (arguments[name], urls) for name in stages}):
            client = await nats.connect(urls["NATS_URL"])
            js = client.jetstream()
            begin = time.perf_counter()
            for _, body, _ in messages:
                await js.publish("obvious.record", body)
            await _consumed(js, (("OBVIOUS_RECORDS", ("dossier",)), ("OBVIOUS_EVENTS", stages[1:])))
            taken = time.perf_counter() - begin
            await client.close()
        url = servers.postgres_dsn(database=DATABASE)
        await _all_done(url, messages, records="obvious.record", dossiers=("obvious.dossier", "obvious.fact"))
    return len(messages) / taken


async def _consumed(js: JetStreamContext, readers: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Wait until every durable of the obvious way has acknowledged everything, in the order of the stages."""
    for stream, durables in readers:
        for durable in durables:
            while True:
                info = await js.consumer_info(stream, durable)
                if not info.num_pending and not info.num_ack_pending:
                    break
                await asyncio.sleep(0.02)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which `percent` of a hundred lie."""
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")
