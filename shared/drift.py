"""Whether this machine's clock agrees with the clocks of the database and of the bus.

What is overdue, due or in the future is judged by this machine's clock: an hour off, it calls people late who are not, or
refuses receptions that have happened. It is only said; a service that stopped working for it would help nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from nats.aio.client import Client
from prometheus_client import CollectorRegistry

from shared.database import Database
from shared.metrics import gauge
from shared.topology import durables_of

log = structlog.get_logger()

DATABASE, BUS = "PostgreSQL", "the bus"


def _machines_own() -> datetime:
    return datetime.now(UTC)


def off(ahead: timedelta, against: str, most: timedelta) -> str | None:
    """The line for people when a clock is more than `most` ahead of (or, negative, behind) another; `None` otherwise."""
    if abs(ahead) <= most:
        return None
    minutes, side = abs(ahead).total_seconds() / 60, "ahead of" if ahead > timedelta() else "behind"
    return (
        f"this machine's clock is {minutes:.0f} minutes {side} {against}'s; set the one that is wrong "
        "(chronyc tracking, timedatectl): what is due and what lies in the future is judged by this machine's"
    )


class Drift:
    """Holds the machine's clock against two others, at the start and every minute; a simulated clock plays no part."""

    def __init__(
        self,
        service: str,
        database: Database,
        client: Callable[[], Awaitable[Client]],
        registry: CollectorRegistry,
        *,
        most: timedelta,
        every: float = 60.0,
        now: Callable[[], datetime] = _machines_own,
    ) -> None:
        self._service, self._database, self._client, self._now = service, database, client, now
        self._most, self._every, self._said = most, every, dict[str, str]()
        self._seconds = gauge(
            registry,
            "motcua_clock_ahead_seconds",
            "How far this machine's clock is ahead of another's; negative when it is behind",
            ["service", "of"],
        )

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._every)

    async def warning(self) -> str | None:
        """What the last look found wrong, or `None`."""
        return "; ".join(self._said.values()) or None

    async def look(self) -> None:
        """Compare once; says what is wrong when it begins, and that it is over."""
        for against, ask in ((DATABASE, self._of_database), (BUS, self._of_bus)):
            before = self._now()
            theirs = await ask()
            ahead = before + (self._now() - before) / 2 - theirs
            self._seconds.labels(self._service, against).set(ahead.total_seconds())
            self._tell(against, off(ahead, against, self._most))

    def _tell(self, against: str, wrong: str | None) -> None:
        if wrong and against not in self._said:
            log.warning("clock_off", service=self._service, reason=wrong)
        if not wrong and against in self._said:
            log.info("clock_right_again", service=self._service, against=against)
        self._said.pop(against, None)
        if wrong:
            self._said[against] = wrong

    async def _of_database(self) -> datetime:
        async with self._database.transaction() as session:
            found: datetime = await session.fetchval("SELECT clock_timestamp()")
            return found

    async def _of_bus(self) -> datetime:
        one = durables_of([self._service])[0]
        # the client drops the instant of the answer
        answer = await (await self._client()).request(f"$JS.API.CONSUMER.INFO.{one.stream}.{one.name}", timeout=5)
        return datetime.fromisoformat(json.loads(answer.data)["ts"])
