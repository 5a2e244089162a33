"""Whether everything said on the bus has been read: a report is closed on what was heard, never on half a backlog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from shared.topology import durable


class NotYetHeard(Exception):
    """Messages said before this moment still wait to be read."""

    def __init__(self, name: str, waiting: int) -> None:
        super().__init__(
            f"{waiting} messages still wait for {name}; nothing was closed, try again when motcua doctor shows 0"
        )


class Hearing:
    """Waits until the statements and snapshots said up to now have been read."""

    def __init__(self, client: Callable[[], Awaitable[Client]], *, patience: float) -> None:
        self._client, self._patience = client, patience

    async def catch_up(self) -> dict[str, int]:
        """The last message of each stream, when the dossier service and we have read up to it.

        Raises `NotYetHeard` after some seconds.
        """
        return {durable(name).stream: await self._catch_up(name) for name in ("dossier", "reporting")}

    async def _catch_up(self, name: str) -> int:
        js, one = (await self._client()).jetstream(), durable(name)
        last = (await js.stream_info(one.stream)).state.last_seq
        end = asyncio.get_running_loop().time() + self._patience
        while True:
            info = await js.consumer_info(one.stream, one.name)
            waiting = (info.num_pending or 0) + (info.num_ack_pending or 0)
            if not waiting or (info.ack_floor and info.ack_floor.stream_seq >= last):
                return int(last)
            if asyncio.get_running_loop().time() > end:
                raise NotYetHeard(name, waiting)
            await asyncio.sleep(0.05)
