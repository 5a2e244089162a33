"""`motcua backup`, `restore` and `republish`: the installation on a data folder, or the one of the operator's environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from services.cli.client import DEFAULT_DATA, CommandFailed, Data, said
from services.cli.serving import REFUSALS, installed, why
from services.embedded import DataFolder, DataFolderInUse, EmbeddedServers, NotRunning
from shared import topology
from shared.observability import configure_logs
from shared.settings import RULES

if TYPE_CHECKING:
    from services.backup import Installation, Manifest, Tell

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="folder of the backup")]
Rules = Annotated[Path, typer.Option(envvar="MOTCUA_RULES", help="folder of rule files")]
Result = TypeVar("Result")


def backup(folder: Folder, rules: Rules = RULES, data: Data = DEFAULT_DATA) -> None:
    """Save database, kept messages, configuration and rules into a new folder; secrets are not among them."""
    from services.backup import save

    async def work(installation: Installation, tell: Tell) -> Manifest:
        return await save(installation, folder, tell)

    manifest = _run(_at_hand(data, rules), work)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"saved to {folder}: {_contents(manifest)}; {size:,} bytes")
    print("not saved: secrets; keep a copy of them elsewhere")


def restore(
    folder: Folder,
    replace: Annotated[bool, typer.Option(help="put the backup in the place of all that is here")] = False,
    rules: Rules = RULES,
    data: Data = DEFAULT_DATA,
) -> None:
    """Bring a backup back into an empty installation; the services must not run. Checksums and rows are checked."""
    from services.backup import Restored, verify
    from services.backup import restore as bring_back

    _spoken(lambda: verify(folder))  # before servers are started or a folder is made

    async def work(installation: Installation, tell: Tell) -> Restored:
        return await bring_back(installation, folder, tell, replace=replace)

    done = _run(_stopped(data, rules), work)
    print(f"restored from {folder}: {_contents(done.manifest)}")
    if done.republished is None:
        print("the bus kept its streams; all of them are read again, so what was said since the backup comes back too")
    else:
        print(f"{done.republished:,} events put on the bus again")
    for one in done.added:
        print(f"made again on the bus: {one}")
    for one in done.other_rules:
        print(f"differs from the rules of the backup: {one}")
    moment = done.manifest.made_at.strftime("%H:%M on %d/%m/%Y")
    print(f"state of {moment}: start the services, then let every centre send again what it said since then")


def republish(data: Data = DEFAULT_DATA) -> None:
    """Refill wiped streams from the services' outboxes; readers notice nothing, they keep the highest revision."""
    from services.backup.bus import refill
    from services.provisioning import DATABASE

    async def work(installation: Installation, tell: Tell) -> int:
        async with installation.bus() as bus, installation.admin(DATABASE) as database:
            return await refill(bus, database, tell)

    print(f"republished {_run(running_installation(data, RULES), work)} events")


def _contents(manifest: Manifest) -> str:
    rows, letters = sum(manifest.rows.values()), manifest.messages.get(topology.DEAD, 0)
    unread = sum(manifest.messages.values()) - letters
    return (
        f"{rows:,} rows of {len(manifest.rows)} tables ({manifest.rows['dossier.journal']:,} statements, "
        f"{manifest.rows['reporting.report']:,} closed reports), {letters:,} dead letters, {unread:,} unread messages"
    )


def _run(
    place: contextlib.AbstractAsyncContextManager[Installation],
    work: Callable[[Installation, Tell], Awaitable[Result]],
) -> Result:
    configure_logs(level="WARNING")

    async def all_of_it() -> Result:
        async with place as installation:
            with _progress() as tell:
                return await work(installation, tell)

    return _spoken(lambda: asyncio.run(all_of_it()))


def _spoken(work: Callable[[], Result]) -> Result:
    from services.backup import BackupFailed, BackupRefused

    try:
        return work()
    except BackupRefused as error:
        raise CommandFailed(str(error)) from error
    except (BackupFailed, *REFUSALS) as error:
        raise CommandFailed(why(error), code=1) from error


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=said, transient=True, disable=not said.is_terminal) as bar:
        tasks = {part: bar.add_task(part, total=None, visible=False) for part in ("bus", "database")}

        def tell(what: str, done: int, total: int) -> None:
            task = tasks[what.partition(":")[0]]
            bar.update(task, description=what, completed=done, total=total, visible=True)

        yield tell


@asynccontextmanager
async def running_installation(data: Path, rules: Path) -> AsyncIterator[Installation]:
    """The installation of the environment, or the one that runs on the data folder."""
    if os.environ.get("MOTCUA_ADMIN_DATABASE_URL") or os.environ.get("MOTCUA_SECRETS"):
        yield installed("reach the installation")
        return
    folder = DataFolder(data)
    runtime = folder.read_runtime()
    place = urlsplit(runtime["databases"][topology.SERVICES[0]]).netloc.rpartition("@")[2]
    admin = f"postgresql://postgres:{folder.secret('postgres-postgres')}@{place}/postgres"
    yield _embedded(folder, admin, runtime["nats_url"], rules)


@asynccontextmanager
async def _at_hand(data: Path, rules: Path) -> AsyncIterator[Installation]:
    """As above; on a data folder where nothing runs the servers are started for as long as it takes."""
    try:
        async with running_installation(data, rules) as installation:
            yield installation
    except NotRunning:
        if not DataFolder(data).postgres.exists():
            raise
        async with _stopped(data, rules) as installation:
            yield installation


@asynccontextmanager
async def _stopped(data: Path, rules: Path) -> AsyncIterator[Installation]:
    """The installation of the environment, or the data folder's own servers without services."""
    if os.environ.get("MOTCUA_ADMIN_DATABASE_URL") or os.environ.get("MOTCUA_SECRETS"):
        yield installed("reach the installation")
        return
    from services.system import bus_users

    folder = DataFolder(data)
    with contextlib.suppress(NotRunning):
        raise DataFolderInUse(folder.path, folder.read_runtime()["pid"])
    folder.create()
    async with EmbeddedServers(folder, bus_users(folder, topology.PILOTS)) as servers:
        yield _embedded(folder, servers.postgres_dsn(), servers.nats.url_of(topology.OPERATOR), rules)


def _embedded(folder: DataFolder, admin_url: str, bus_url: str, rules: Path) -> Installation:
    from services.backup import Installation

    passwords = {name: folder.secret(f"postgres-{name}") for name in topology.SERVICES}
    return Installation(admin_url=admin_url, bus_url=bus_url, passwords=passwords, rules=rules)
