"""Commands of operators: dead letters, health."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import nats
import nats.errors
import typer
from nats.aio.client import Client as Bus
from nats.js.errors import NotFoundError
from rich.table import Table

from services.cli.client import DEFAULT_DATA, Client, CommandFailed, Data, results
from services.embedded import DataFolder, EmbeddedError
from shared.bus import servers_of
from shared.events.envelope import decode_envelope, read_data
from shared.settings import RULES
from shared.topology import DEAD, STREAMS

dead_letters = typer.Typer(no_args_is_help=True, help="What services could not take.")
Result = TypeVar("Result")


def _on_bus(data: Path, work: Callable[[Bus], Awaitable[Result]]) -> Result:
    url = os.environ.get("MOTCUA_NATS_URL") or DataFolder(data).read_runtime()["nats_url"]
    place = url.rpartition("@")[2].removeprefix("nats://")

    async def run() -> Result:
        try:
            async with asyncio.timeout(10):
                bus = await nats.connect(
                    servers_of(url), max_reconnect_attempts=2, reconnect_time_wait=1, error_cb=_silent
                )
        except (nats.errors.Error, OSError) as error:
            raise CommandFailed(
                f"the bus at {place} does not answer ({error or type(error).__name__}); see motcua doctor"
            ) from error
        try:
            return await work(bus)
        finally:
            await bus.close()

    return asyncio.run(run())


async def _silent(_: Exception) -> None:
    """The command says in one line what happened; the client would add a trace."""


@dead_letters.command("list")
def list_letters(
    limit: int = 100, as_json: Annotated[bool, typer.Option("--json")] = False, data: Data = DEFAULT_DATA
) -> None:
    """Print the newest dead letters: number, service, where from, field, reason."""
    letters = _on_bus(data, lambda bus: _letters(bus, limit))
    if as_json:
        print(json.dumps(letters, ensure_ascii=False, indent=1))
        return
    table = Table("number", "service", "origin", "field", "reason")
    for one in letters:
        table.add_row(str(one["number"]), one["service"], one["origin"], one["field"], one["reason"])
    results().print(table)


@dead_letters.command("show")
def show_letter(number: int, data: Data = DEFAULT_DATA) -> None:
    """Print one dead letter with its original."""
    letter = _on_bus(data, lambda bus: _letter(bus, number))
    original = base64.b64decode(letter.pop("body")).decode("utf-8", "backslashreplace")
    print(json.dumps({**letter, "original": original}, ensure_ascii=False, indent=1))


@dead_letters.command("replay")
def replay_letter(number: int, data: Data = DEFAULT_DATA) -> None:
    """Put the original of one dead letter back where it came from, after its cause was mended."""
    letter = _on_bus(data, lambda bus: _letter(bus, number))
    if letter["origin"].startswith("alert "):
        keys = json.loads(base64.b64decode(letter["body"]))
        due = Client.find(data).post("/v1/alerts/again", {"keys": keys})["due"]
        print(f"replayed letter {number}: {due} alerts are sent again")
        return

    async def replay(bus: Bus) -> str:
        subject = letter["origin"].rpartition(" ")[2]
        if subject.split(".")[0] not in {
            pattern.split(".")[0] for patterns in STREAMS.values() for pattern in patterns
        }:
            raise CommandFailed(
                f"letter {number} came by {letter['origin']}, not from the bus; its sender sends it again"
            )
        await bus.jetstream().publish(subject, base64.b64decode(letter["body"]))
        return str(subject)

    print(f"replayed letter {number} to {_on_bus(data, replay)}")


async def _letter(bus: Bus, number: int) -> dict[str, Any]:
    try:
        message = await bus.jetstream().get_msg(DEAD, number)
    except NotFoundError as error:
        raise CommandFailed(f"there is no dead letter {number}; see motcua deadletter list") from error
    return {"number": number, **read_data(decode_envelope(message.data or b""))}


async def _letters(bus: Bus, limit: int) -> list[dict[str, Any]]:
    state = (await bus.jetstream().stream_info(DEAD)).state
    numbers = range(state.last_seq, max(state.first_seq, state.last_seq - limit + 1) - 1, -1) if state.messages else ()
    return [{k: v for k, v in (await _letter(bus, number)).items() if k != "body"} for number in numbers]


def doctor(data: Data = DEFAULT_DATA) -> None:
    """Ask every part how it is and say what is wrong."""
    client = Client.find(data)
    try:
        ready = client.get("/readyz")
    except CommandFailed as error:
        raise CommandFailed(f"not ready: {error}", code=1) from error
    waiting = client.get("/v1/backlog")
    table = Table("part", "waiting")
    for name, count in waiting.items():
        table.add_row(name, str(count))
    results().print(table)
    for name, remarks in ready.get("warnings", {}).items():
        for remark in remarks:
            print(f"warning: {name}: {remark}")
    print("ready: every dependency and every consumer answers")
    print(_of_rebuilds(data))


def _of_rebuilds(data: Path) -> str:
    """What a killed rebuild left; only the database's administrator can see it."""
    from services.cli.backups import running_installation  # alembic costs a second, and only this one asks for it
    from services.cli.serving import REFUSALS
    from services.provisioning import DATABASE
    from services.rebuilding import find_leftover

    async def look() -> int | None:
        async with running_installation(data, RULES) as installation, installation.admin(DATABASE) as admin:
            return await find_leftover(admin)

    try:
        left = asyncio.run(look())
    except (CommandFailed, EmbeddedError, *REFUSALS):
        return "not asked whether a rebuild was killed: that takes the data folder or the administrator's environment"
    if left is None:
        return "no rebuild was killed"
    return (
        f"a rebuild was killed and left {left / 2**20:,.0f} MB in the schema reporting_rebuild: no figure is touched by it, "
        "motcua rebuild reporting --dry-run clears it"
    )
