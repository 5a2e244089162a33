"""Waits for the durables that `motcua provision` makes; a service makes none itself, and without them it hears nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from nats.errors import Error as BusError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from shared.patience import Pauses
from shared.topology import Durable, durables_of

log = structlog.get_logger()


async def wait_until_provisioned(
    service: str, bus: JetStreamContext, *, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Return once every durable of the service is there; says what is missing when it begins to wait, and what to do.

    A service that began without them would fail in each of its tasks until they come.
    """
    pauses, said = Pauses(), ""
    while missing := "; ".join([what for one in durables_of([service]) if (what := await _missing(bus, one))]):
        if missing != said:
            said = missing
            log.warning("not_provisioned", service=service, missing=missing, do="run motcua provision; waiting for it")
        await rest(pauses.after(0))
    if said:
        log.info("provisioned_now", service=service)


async def _missing(bus: JetStreamContext, one: Durable) -> str:
    try:
        async with asyncio.timeout(3):
            await bus.consumer_info(one.stream, one.name)
    except NotFoundError:
        return f"consumer {one.name} on stream {one.stream}"
    except (BusError, TimeoutError) as error:
        return f"an answer of the bus for consumer {one.name} on stream {one.stream} ({error or type(error).__name__})"
    return ""
