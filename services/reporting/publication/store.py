"""The object store as publication uses it: a file under its name, whole or not there, the same bytes once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.js.api import ObjectMeta
from nats.js.errors import ObjectNotFoundError

from shared.topology import REPORTS


class FileStore:
    """Writes to the bucket `REPORTS`; the client describes an object only after its last chunk, so none is half there."""

    def __init__(self, client: Callable[[], Awaitable[Client]]) -> None:
        self._client = client

    async def put(self, name: str, content: bytes, media_type: str) -> bool:
        """Store a file; false when exactly these bytes lie there already. Raises what the client raises."""
        store = await (await self._client()).jetstream().object_store(REPORTS)
        try:
            if (await store.get_info(name)).digest == digest(content):
                return False
        except ObjectNotFoundError:
            pass
        await store.put(name, content, ObjectMeta(name=name, description=media_type))
        return True


def digest(content: bytes) -> str:
    """The checksum as the object store writes it."""
    return f"SHA-256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()}"
