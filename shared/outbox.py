"""The outbox: events are stored in the transaction that caused them and published afterwards, in atomic batches.

Published rows stay: they are the event archive from which a wiped broker is refilled (`motcua republish`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import Any

import structlog
from nats.errors import Error as BusError
from prometheus_client import CollectorRegistry
from sqlalchemy import BigInteger, Column, Identity, Index, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import TIMESTAMP

from shared.database import Database, Session
from shared.events.envelope import Outgoing
from shared.metrics import counter, gauge
from shared.topology import BATCH
from shared.trouble import trouble

log = structlog.get_logger()


def outbox_table(metadata: MetaData) -> Table:
    """The outbox of one service's schema; the partial index holds only what still has to leave."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("stream", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("event_id", Text, nullable=False, unique=True),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", TIMESTAMP(timezone=True), nullable=False, server_default=text("now()")),
        Column("published_at", TIMESTAMP(timezone=True)),
        Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    )


async def add(session: Session[Any], events: Sequence[Outgoing]) -> None:
    """Store events with the transaction that caused them; an id that is there already is the same event."""
    if not events:
        return
    await session.execute(
        """
        INSERT INTO outbox (stream, subject, event_id, body)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
        ON CONFLICT (event_id) DO NOTHING
        """,
        [one.stream for one in events],
        [one.subject for one in events],
        [one.id for one in events],
        [one.body for one in events],
    )


class Relay:
    """Moves the outbox to the bus; any number of relays may run, each takes rows that no other holds."""

    def __init__(
        self,
        service: str,
        database: Database,
        publish: Callable[[Sequence[Outgoing]], Awaitable[None]],
        registry: CollectorRegistry,
        *,
        idle_seconds: float = 1.0,
    ) -> None:
        self._service, self._database, self._publish, self._idle = service, database, publish, idle_seconds
        self._poked = asyncio.Event()
        self._problem: str | None = None
        self._published = counter(registry, "motcua_outbox_published_total", "Events moved to the bus", ["service"])
        self._failures = counter(registry, "motcua_outbox_failures_total", "Failed attempts to publish", ["service"])
        self._age = gauge(registry, "motcua_outbox_oldest_seconds", "Age of the oldest unpublished event", ["service"])

    def poke(self) -> None:
        """Something was committed: look now instead of at the next tick."""
        self._poked.set()

    async def run(self) -> None:
        """Publish until cancelled; a failure is logged, counted and tried again with a growing pause."""
        failures = 0
        while True:
            self._poked.clear()
            try:
                while await self.publish_batch():
                    failures = 0
                self._problem = None
            except asyncio.CancelledError:
                raise
            except Exception as error:
                failures += 1
                self._failures.labels(self._service).inc()
                reason = trouble(error) or str(error) or type(error).__name__
                self._problem = reason if isinstance(error, BusError) else None
                log.warning("outbox_not_published", service=self._service, failures=failures, reason=reason)
            await self._rest(min(30.0, self._idle * 2 ** min(failures, 5)))

    async def publish_batch(self) -> int:
        """Publish up to one batch and say how many; a crash before the commit publishes them again under the same ids."""
        async with self._database.transaction() as session:
            rows = await session.fetch(
                """
                SELECT id, stream, subject, event_id, body, extract(epoch FROM now() - created_at)::float8 AS age
                FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
                """,
                BATCH,
            )
            self._age.labels(self._service).set(rows[0]["age"] if rows else 0)
            if not rows:
                return 0
            for stream, of_stream in groupby(
                sorted(rows, key=lambda row: row["stream"]), key=lambda row: row["stream"]
            ):
                await self._publish([_outgoing(stream, row) for row in of_stream])
            await session.execute(
                "UPDATE outbox SET published_at = now() WHERE id = ANY($1)", [row["id"] for row in rows]
            )
        self._published.labels(self._service).inc(len(rows))
        return len(rows)

    async def problem(self) -> str | None:
        """Why events do not leave, from the attempt that failed until one that does not; `None` when they do."""
        return None if self._problem is None else f"events do not leave: {self._problem}"

    async def backlog(self) -> int:
        """Events that still have to leave."""
        async with self._database.transaction() as session:
            return int(await session.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            return


def _outgoing(stream: str, row: Any) -> Outgoing:
    return Outgoing(stream=stream, subject=row["subject"], id=row["event_id"], body=row["body"])
