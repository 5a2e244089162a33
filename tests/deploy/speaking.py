"""What centres say to containers and what containers answer, through the doors that integrators have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import nats
from nats.aio.client import Client

from shared.bus import trusting
from shared.topology import inbox_of
from tests.deploy.stack import Stack, until

UNIT, OTHER = "10966", "10510"
QUARTER = "2025-Q3"


@asynccontextmanager
async def account(stack: Stack, name: str) -> AsyncIterator[Client]:
    """A connection as an integrator makes it: encrypted, with the account's own inboxes."""
    url = f"tls://{name}:{stack.secret(f'nats-{name}')}@127.0.0.1:{stack.ports['NATS']}"
    client = await nats.connect(
        url,
        tls=trusting(stack.secrets / "ca"),
        inbox_prefix=inbox_of(name),
        reconnect_time_wait=0.2,
        max_reconnect_attempts=-1,
    )
    try:
        yield client
    finally:
        await client.close()


def record(number: int, kind: str, when: str, unit: str = UNIT, **facts: Any) -> tuple[str, bytes]:
    dossier = f"H24.103-250801-{number:04}"
    said = {
        "specversion": "1.0", "id": f"{dossier}-{kind}", "source": f"/onestop/31/{unit}",
        "type": f"vn.motcua.onestop.{kind}.v1", "subject": dossier, "time": when,
        "data": {"unit": unit, "dossier": dossier, "field": "Hộ tịch", "channel": "online", **facts},
    }  # fmt: skip
    return f"onestop.v1.{unit}.{kind}", json.dumps(said).encode()


def life(number: int, unit: str = UNIT) -> list[tuple[str, bytes]]:
    """Received on 1 August, promised for the 6th, completed on the 5th: column 4 and column 8 of the third quarter."""
    promise = {"received_at": "2025-08-01T08:00:00+07:00", "due_at": "2025-08-06T17:00:00+07:00"}
    return [
        record(number, "received", "2025-08-01T08:00:00+07:00", unit, **promise),
        record(number, "completed", "2025-08-05T10:00:00+07:00", unit),
    ]


async def say(client: Client, numbers: range, unit: str = UNIT) -> None:
    """Publish as a careful sender does: what is not acknowledged is sent again under the same id."""
    for number in numbers:
        for subject, body in life(number, unit):
            while True:
                try:
                    await client.jetstream().publish(subject, body, timeout=5)
                    break
                except (nats.errors.Error, nats.js.errors.APIError):
                    await asyncio.sleep(0.2)


def ask(stack: Stack, service: str, path: str, **parameters: Any) -> Any:
    """What the operator is answered."""
    answer = httpx.get(f"{stack.url(service)}{path}", params=parameters, headers=_operator(stack), timeout=10)
    return answer.raise_for_status().json()


def figures(stack: Stack, unit: str = UNIT) -> dict[str, int]:
    total: dict[str, int] = ask(stack, "reporting", "/v1/reports/figures", unit=unit, period=QUARTER)[0]["total"]
    return total


def counted(stack: Stack, dossiers: int, unit: str = UNIT) -> None:
    """Wait until that many lives are counted, and see that nothing else is."""
    until(lambda: figures(stack, unit)["c8"] >= dossiers, f"{dossiers} dossiers counted", 120)
    assert figures(stack, unit) == {
        "c3": dossiers, "c4": dossiers, "c5": 0, "c6": 0, "c7": dossiers, "c8": dossiers, "c9": 0, "c10": 0,
        "c11": 0, "c12": 0, "c13": 0,
    }  # fmt: skip


def close(stack: Stack, unit: str = UNIT) -> None:
    """Freeze and sign the quarter."""
    closing = {"unit": unit, "period": QUARTER}
    url = f"{stack.url('reporting')}/v1/reports/close"
    httpx.post(url, json=closing, headers=_operator(stack), timeout=20).raise_for_status()


def _operator(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.secret('http-operator')}"}
