"""What a rebuild leaves behind when it is killed, and that only one runs at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.rebuilding.shadow import SHADOW

if TYPE_CHECKING:
    from services.rebuilding.shadow import Connection


async def take_turn(admin: Connection) -> bool:
    """Whether no other rebuild runs; the server lets go with the connection, however it ends."""
    return bool(await admin.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", SHADOW))


async def find_leftover(admin: Connection) -> int | None:
    """Bytes of the schema of a killed rebuild; `None` when there is none, or when one is at work in it."""
    if not await take_turn(admin):
        return None
    found: int | None = await admin.fetchval(
        """
        SELECT coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE c.relkind = 'r'), 0)::bigint
        FROM pg_namespace AS n LEFT JOIN pg_class AS c ON c.relnamespace = n.oid
        WHERE n.nspname = $1 GROUP BY n.oid
        """,
        SHADOW,
    )
    await admin.execute("SELECT pg_advisory_unlock(hashtext($1))", SHADOW)
    return found
