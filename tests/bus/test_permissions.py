"""Every account against every subject on the real server: what docs/security.md allows passes, everything else is refused."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.errors import Error

from shared import topology
from tests.bus.subjects import covers
from tests.inside import Inside

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
HOSTILE = (
    "$SYS.REQ.SERVER.PING", "$SYS.ACCOUNT.x.CONNECT", "$JS.API.STREAM.CREATE.SPY", "$JS.API.STREAM.UPDATE.ONESTOP",
    "$JS.API.STREAM.DELETE.ONESTOP", "$JS.API.STREAM.PURGE.REPORT", "$JS.API.STREAM.MSG.GET.DEAD",
    "$JS.API.STREAM.MSG.DELETE.REPORT", "$JS.API.DIRECT.GET.ONESTOP", "$JS.API.DIRECT.GET.DOSSIER.dossier.v1.10966.x",
    "$JS.API.CONSUMER.CREATE.ONESTOP.spy", "$JS.API.CONSUMER.CREATE.DOSSIER.spy.dossier.v1.>",
    "$JS.API.CONSUMER.DURABLE.CREATE.ONESTOP.spy", "$JS.API.CONSUMER.DELETE.ONESTOP.dossier",
    "$JS.API.CONSUMER.MSG.NEXT.ONESTOP.spy", "$JS.API.CONSUMER.PAUSE.ONESTOP.dossier", "$JS.ACK.ONESTOP.spy.1.1.1.1.1",
    "$JS.API.CONSUMER.CREATE.OBJ_REPORTS.spy", "$JS.API.CONSUMER.DELETE.OBJ_REPORTS.spy", "$O.REPORTS.C.spy",
    "report.v1.10966.acknowledged", "$KV.x.y", "$O.OTHER.C.1", "_INBOX.x.y", "_INBOX.reporting.x", "_INBOX.centre.10510.x", "onestop.v1.10510.received",
    "onestop.v2.10966.received", "report.v1.10966.published", "dead.v1.other", "anything", "a.b.c",
)  # fmt: skip
"""What an account might try beside what somebody is allowed."""
LISTENED = (
    ">",
    "*",
    "*.>",
    "onestop.>",
    "dossier.v1.>",
    "$JS.API.>",
    "$JS.>",
    "_INBOX.>",
    "_INBOX.*",
    "$SYS.>",
    "$O.>",
)


@dataclass(frozen=True)
class Allowed:
    publish: tuple[str, ...]
    hear: tuple[str, ...]


def page() -> dict[str, Allowed]:
    rows = [line.split("|")[1:4] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    return {name.strip().strip("`"): Allowed(_subjects(say), _subjects(hear)) for name, say, hear in rows}


def _subjects(cell: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("`") for part in cell.split("<br>"))


def example(pattern: str) -> str:
    return ".".join({"*": "x", ">": "y.z"}.get(part, part) for part in pattern.split("."))


ACCOUNTS = page()
PUBLISHED = sorted({example(one) for allowed in ACCOUNTS.values() for one in allowed.publish} | set(HOSTILE))
HEARD = sorted({one for allowed in ACCOUNTS.values() for one in (*allowed.hear, *allowed.publish)} | set(LISTENED))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def before(running: Inside) -> AsyncIterator[str]:
    yield await shape(running.bus)


async def shape(operator: Client) -> str:
    """Streams with their configuration and message counts, and the names of their consumers."""
    js = operator.jetstream()
    streams = {
        one.config.name: (str(one.config), sorted(c.name for c in await js.consumers_info(one.config.name or "")))
        for one in await js.streams_info()
    }
    return json.dumps(streams, sort_keys=True)


class Refusals:
    """Collects what the server refuses on one connection."""

    def __init__(self) -> None:
        self.texts = list[str]()

    async def hear(self, error: Exception) -> None:
        self.texts.append(str(error).lower())

    def names(self, verb: str, subject: str) -> bool:
        return any(f'permissions violation for {verb} to "{subject.lower()}"' in text for text in self.texts)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("account", sorted(ACCOUNTS))
async def test_the_server_allows_what_the_page_says_and_nothing_else(
    running: Inside, before: str, account: str
) -> None:
    refused, allowed = Refusals(), ACCOUNTS[account]
    client = await nats.connect(
        running.system.servers.nats.url_of(account),
        error_cb=refused.hear,
        inbox_prefix=topology.inbox_of(account).encode(),
    )
    own = sorted(subject for subject in PUBLISHED if any(covers(one, subject) for one in allowed.publish))
    try:
        for subject in PUBLISHED:
            if account == topology.OPERATOR and subject in own:
                continue  # it may do everything to the streams, and then the next account would be tried on a ruin
            await client.publish(subject, b"", reply=f"{topology.inbox_of(account)}.none")
            await client.flush()  # one at a time: a refusal must be heard before the connection reports the next
        for subject in HEARD:
            subscription = await client.subscribe(subject)
            await client.flush()
            with contextlib.suppress(Error):  # what was refused is no subscription any more
                await subscription.unsubscribe()
        await client.flush()
    finally:
        await client.close()
    passed = {one for one in PUBLISHED if not refused.names("publish", one)}
    listening = {one for one in HEARD if not refused.names("subscription", one)}
    assert passed == set(own)
    assert listening == {one for one in HEARD if any(covers(pattern, one) for pattern in allowed.hear)}
    assert await shape(running.bus) == before, f"{account} changed streams or consumers"


def test_the_matrix_is_about_something() -> None:
    assert len(ACCOUNTS) >= 8
    assert len(PUBLISHED) > 60
    assert covers("onestop.v1.*.>", "onestop.v1.10966.received") and not covers("onestop.v1.*.>", "onestop.v1.10966")
    assert not covers("_INBOX.dossier.>", "_INBOX.>") and covers("_INBOX.>", "_INBOX.dossier.>")
