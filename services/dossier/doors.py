"""The way from an HTTP door to the journal: publish to ONESTOP, wait for the journal's receipts.

One way in for everybody: what HTTP accepts is on the bus like what the centre publishes itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as BusError

from shared.bus import publish_atomically
from shared.correlation import TRACEPARENT, current_cause
from shared.events.records import Record, encode_record
from shared.topology import BATCH, DOOR, RECEIPT_TO, onestop_subject
from shared.trouble import trouble

log = structlog.get_logger()


class NoReceipt(Exception):
    """The bus took no statement, or the journal did not answer in time; sending them again is harmless."""


class Doors:
    """Publishes statements and collects their receipts on one inbox per process."""

    def __init__(self, client: Callable[[], Awaitable[Client]], *, patience: float) -> None:
        self._client, self._patience = client, patience
        self._inbox, self._number = "", 0
        self._subscription: Subscription | None = None
        self._expected: dict[str, _Expected] = {}

    async def start(self) -> None:
        """Listen for receipts."""
        client = await self._client()
        self._inbox = client.new_inbox()
        self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._on_receipt)

    async def stop(self) -> None:
        """Stop listening; the connection's own end ends the subscription with it."""
        self._subscription = None

    async def say(self, statements: Sequence[Record], door: str) -> list[str]:
        """Publish statements and return `accepted` or `duplicate` for each, in their order.

        Raises `NoReceipt` when the bus takes nothing or the journal is silent; a statement refused there as well is reported as `rejected`.
        """
        return [receipt["status"] for receipt in await self.receipts(statements, door)]

    async def receipts(self, statements: Sequence[Record], door: str) -> list[dict[str, Any]]:
        """As `say`, with the whole receipt of each: `status`, and field, reason and advice of what was refused."""
        receipts = list[dict[str, Any]]()
        for start in range(0, len(statements), BATCH):
            receipts += await self._say_batch(statements[start : start + BATCH], door)
        return receipts

    async def _say_batch(self, statements: Sequence[Record], door: str) -> list[dict[str, Any]]:
        self._number += 1
        token = str(self._number)
        expected = self._expected[token] = _Expected(len(statements))
        headers = {RECEIPT_TO: f"{self._inbox}.{token}", DOOR: door}
        if traceparent := current_cause().traceparent:
            headers[TRACEPARENT] = traceparent
        messages = [(onestop_subject(one.unit, one.kind), encode_record(one), headers) for one in statements]
        try:
            await publish_atomically(await self._client(), messages)
            async with asyncio.timeout(self._patience):
                receipts = await expected.all_here
        except BusError as error:
            log.warning("statements_not_taken", count=len(messages), reason=trouble(error) or str(error))
            raise NoReceipt("the bus takes nothing at the moment") from error
        except TimeoutError as error:
            raise NoReceipt(f"the journal did not answer within {self._patience:g} seconds") from error
        finally:
            del self._expected[token]
        # an atomic batch lies on the stream in its own order, so receipts by bus number are in the statements' order
        return sorted(receipts, key=lambda receipt: int(receipt["sequence"]))

    async def _on_receipt(self, message: Msg) -> None:
        expected = self._expected.get(message.subject.rpartition(".")[2])
        if expected is not None:
            expected.add(msgspec.json.decode(message.data))


class _Expected:
    def __init__(self, count: int) -> None:
        self.all_here: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
        self._count, self._seen = count, dict[int, dict[str, Any]]()

    def add(self, receipts: Sequence[dict[str, Any]]) -> None:
        for receipt in receipts:
            self._seen.setdefault(receipt["sequence"], receipt)
        if len(self._seen) == self._count and not self.all_here.done():
            self.all_here.set_result(list(self._seen.values()))
