"""The real PostgreSQL 18 as a child: durable on every commit, on this machine only, with generated passwords."""

from __future__ import annotations

import shutil
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from services.embedded.folder import LOCALHOST, DataFolder, hold, is_free, write_private
from services.embedded.processes import Child, Program, ServerDidNotStart, clear_leftovers
from services.embedded.residence import Residence, find_residence, give, known_account, settle

NAME = "postgres"
SUPERUSER = "postgres"
PATIENCE = 300.0
"""Seconds to wait for the first answer; recovery after a power cut reads the log first."""
STOPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0))
SETTINGS = {
    "listen_addresses": LOCALHOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "autovacuum": "on",
    "password_encryption": "scram-sha-256",
}


class EmbeddedPostgres:
    """One PostgreSQL server on a data folder."""

    def __init__(self, folder: DataFolder, *, port: int | None = None) -> None:
        self._folder, self._wanted_port, self._port = folder, port, 0
        self._log_file = folder.logs / "postgres.log"
        self._locks = ExitStack()
        self.child: Child | None = None

    def dsn(self, user: str = SUPERUSER, database: str = "postgres") -> str:
        """Where that role connects; whoever creates it sets the secret `postgres-<user>` as its password."""
        return f"postgresql://{user}:{self._folder.secret(f'postgres-{user}')}@{LOCALHOST}:{self._port}/{database}"

    async def start(self) -> None:
        """Make the cluster if there is none and wait until it accepts connections; `ServerDidNotStart` says why not."""
        home = find_residence(self._folder)
        # a copied data folder points at the cluster of its original
        self._locks.enter_context(hold(home.folder / "lock", home.folder))
        program = self._server(home)
        await clear_leftovers(program, home.data)
        if not home.exists:
            await self._make_cluster(home)
        settle(self._folder, home)
        # its process is gone, but its number may be somebody else's by now, which would block the start
        (home.data / "postmaster.pid").unlink(missing_ok=True)
        self._choose_port()
        self.child = child = Child(self._server(home))

        async def accepts() -> bool:
            return _status(home.data / "postmaster.pid", child.pid) == "ready"

        await child.ready(accepts, PATIENCE)

    async def stop(self) -> None:
        """Stop in order: sessions are ended, everything is written; harmless when it does not run."""
        if self.child is not None:
            await self.child.stop()
        self._locks.close()

    async def _make_cluster(self, home: Residence) -> None:
        """Make it under another name: a cluster called `data` is complete, whatever interrupts us."""
        draft, password = home.folder / "draft", home.folder / "password"
        if draft.exists():
            await clear_leftovers(self._server(home), draft)
            shutil.rmtree(draft)
        write_private(password, self._folder.secret(f"postgres-{SUPERUSER}"))
        maker = known_account()
        if maker is not None:
            give(home.folder, maker)
        child = Child(self._maker(home, draft, password, maker))
        try:
            if await child.wait() != 0:
                raise child.failure()
        finally:
            await child.stop()
            password.unlink()
        if home.account is not None:
            give(home.folder, home.account)
        draft.rename(home.data)

    def _maker(self, home: Residence, draft: Path, password: Path, account: int | None) -> Program:
        # the builtin provider knows every letter in both cases and sorts alike on every machine
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        login = ("--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={password}")
        arguments = (home.programs / "initdb", f"--pgdata={draft}", *locale, *login)
        return replace(
            self._server(home), arguments=arguments, folder=home.folder, abort=signal.SIGKILL, account=account
        )

    def _server(self, home: Residence) -> Program:
        settings = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(self._port)}.items()]
        return Program(
            name=NAME,
            arguments=(home.programs / "postgres", "-D", home.data, *settings),
            folder=home.folder,
            log_file=self._log_file,
            stops=STOPS,
            abort=signal.SIGQUIT,  # a checkpoint could keep the next start waiting; recovery does the rest
            account=home.account,
        )

    def _choose_port(self) -> None:
        if self._wanted_port and not is_free(self._wanted_port):
            reason = f"port {self._wanted_port} is taken by another program; free it or choose another port"
            raise ServerDidNotStart(NAME, reason, self._log_file)
        self._port = self._wanted_port or self._folder.port(NAME)


def _status(pid_file: Path, pid: int) -> str | None:
    """What the server of that process says of itself in the last line of its pid file."""
    try:
        lines = pid_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    return lines[7].strip() if len(lines) > 7 and lines[0].strip() == str(pid) else None
