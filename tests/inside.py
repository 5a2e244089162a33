"""The whole system inside the test's own event loop, with a clock that the test moves, and hands to reach into it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.system import System, start_system
from shared import topology
from shared.clock import SimulatedClock
from shared.localtime import LOCAL
from shared.observability import configure_logs
from shared.settings import RULES

UNIT = "10966"


def at(text: str) -> datetime:
    """`2025-11-03` (nine o'clock) or `2025-11-03T14:00:00`, local time."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T09:00:00").replace(tzinfo=LOCAL)


def record(kind: str, dossier: str, when: str, *, id: str = "", unit: str = UNIT, **facts: Any) -> dict[str, Any]:
    """A record of contracts.md §3; instants among the facts are given like `when`."""
    said = {name: at(value).isoformat() if name.endswith("_at") else value for name, value in facts.items()}
    return {
        "specversion": "1.0",
        "id": id or f"{unit}-{dossier}-{kind}-{when}",
        "source": "/onestop/31/test",
        "type": f"vn.motcua.onestop.{kind}.v1",
        "subject": dossier,
        "time": at(when).isoformat(),
        "data": {"unit": unit, "dossier": dossier, **said},
    }


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 30) -> Any:
    """The first true answer of `condition`; fails with `what` when there is none in time."""
    try:
        async with asyncio.timeout(seconds) as limit:
            while not (found := await condition()):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        if not limit.expired():  # the condition's own: it says more than we could
            raise
        raise AssertionError(f"waited {seconds:g} s in vain: {what}") from None


class Lines(logging.Handler):
    """What the system writes into its log from WARNING on, as events with their keys; use it as a context."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.all = list[dict[str, Any]]()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line; a foreign record's text is its event."""
        event = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
        self.all.append({**event, "traced": bool(event.get("exc_info") or record.exc_info)})

    def of(self, event: str, **keys: Any) -> list[dict[str, Any]]:
        """The lines of one event with these values."""
        return [one for one in self.all if one["event"] == event and keys.items() <= one.items()]

    def __enter__(self) -> Lines:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


@dataclass(kw_only=True)
class Inside:
    """A running system, the operator's connections to it, and its clock."""

    system: System
    clock: SimulatedClock
    bus: Client
    http: httpx.AsyncClient
    data: Path

    async def publish(self, subject: str, *bodies: bytes, **headers: str) -> None:
        """Put bytes on a stream as the operator; returns when they are stored."""
        for body in bodies:
            await self.bus.jetstream().publish(
                subject, body, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )

    async def say(self, *records: dict[str, Any], door: str = "http") -> dict[str, Any]:
        """Hand records in over HTTP, all of them good, and wait until everybody has digested them."""
        answer = await self.http.post("/v1/records", params={"door": door}, content=json.dumps(records))
        assert answer.status_code == 200, answer.text
        receipts: dict[str, Any] = answer.json()
        assert receipts["rejected"] == 0, receipts
        await self.settled()
        return receipts

    async def settled(self, seconds: float = 30) -> None:
        """Wait until nothing is pending, unacknowledged or unpublished anywhere."""

        async def quiet() -> bool:
            return not any((await self.http.get("/v1/backlog")).json().values())

        # an event may leave an outbox between two looks: quiet counts when it is seen twice
        await until(quiet, "the backlog to become empty", seconds)
        await until(quiet, "the backlog to stay empty")

    async def last(self, stream: str) -> int:
        """The number of the newest message of a stream."""
        return int((await self.bus.jetstream().stream_info(stream)).state.last_seq)

    async def messages(self, stream: str, subject: str, after: int = 0) -> list[dict[str, Any]]:
        """The events on a subject behind the number `after`, oldest first."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=after + 1, ack_policy=AckPolicy.NONE
        )
        subscription = await self.bus.jetstream().pull_subscribe(subject, stream=stream, config=config)
        found = list[dict[str, Any]]()
        while (info := await subscription.consumer_info()).num_pending:
            found += [json.loads(one.data) for one in await subscription.fetch(min(info.num_pending, 200), timeout=5)]
        await subscription.unsubscribe()
        return found

    async def letters(self, service: str, after: int = 0) -> list[dict[str, Any]]:
        """Dead letters of a service: origin, field, reason, advice, body."""
        return [one["data"] for one in await self.messages(topology.DEAD, f"dead.v1.{service}", after)]

    async def said(self, dossier: str, *, unit: str = UNIT) -> list[str]:
        """The names of the events about one dossier, in the order of the stream."""
        found = await self.messages(topology.DOSSIER, f"dossier.v1.{unit}.*")
        return [one["type"].split(".")[-2] for one in found if one["subject"] == dossier]

    async def figures(self, begin: str, end: str, *, unit: str = UNIT) -> dict[str, Any]:
        """Form II.06a of a window."""
        answer = await self.http.get("/v1/reports/figures", params={"unit": unit, "from": begin, "to": end})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()[0])

    @contextlib.asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection with a service's own role."""
        url = json.loads((self.data / "runtime.json").read_text())["databases"][service]
        connection = await asyncpg.connect(url, server_settings={"search_path": service})
        try:
            yield connection
        finally:
            await connection.close()


@contextlib.contextmanager
def new_folder() -> Any:
    """A data folder that other accounts may pass through: the embedded PostgreSQL of root runs as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="motcua-test-"))
    folder.chmod(0o711)
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.asynccontextmanager
async def inside(data: Path, now: str = "2025-11-20", *, rules: Path = RULES) -> AsyncIterator[Inside]:
    """Start the system at a simulated now."""
    configure_logs(console=False, level="WARNING")
    clock = SimulatedClock(at(now))
    async with start_system(data, clock=clock, rules=rules) as system:
        bus = await nats.connect(system.servers.nats.url_of(topology.OPERATOR))
        headers = {"Authorization": f"Bearer {system.token}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60) as http:
            try:
                yield Inside(system=system, clock=clock, bus=bus, http=http, data=data)
            finally:
                await bus.close()
