"""Everything that a running system says or keeps, as texts to search: no person may be found in it."""

from __future__ import annotations

import base64
import json

from shared import topology
from tests.inside import Inside


async def places(system: Inside, logs: str) -> dict[str, str]:
    """Log lines, metrics, every stream, the bodies of dead letters, and every table of the dossier service."""
    found = {"logs": logs, "metrics": (await system.http.get("/metrics")).text}
    for stream in topology.STREAMS:
        told = await system.messages(stream, topology.STREAMS[stream][0])
        found[stream] = json.dumps(told, ensure_ascii=False)
        if stream == topology.DEAD:
            found["refused bodies"] = "".join(base64.b64decode(one["data"]["body"]).decode() for one in told)
    async with system.database("dossier") as database:
        for row in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'dossier'"):
            rows = await database.fetch(f'SELECT t::text AS line FROM "{row["tablename"]}" AS t')
            found[row["tablename"]] = "\n".join(one["line"] for one in rows)
    return found
