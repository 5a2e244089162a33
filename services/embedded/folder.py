"""The data folder of `motcua up`: its layout, its secrets, its lock, and the note by which other commands find us."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

LOCALHOST = "127.0.0.1"


class EmbeddedError(Exception):
    """Something about the embedded servers that a person has to hear; the message says what, where and what to do."""


class DataFolderInUse(EmbeddedError):
    """Another process runs on this data folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        super().__init__(f"{folder} is in use by process {pid or 'unknown'}; stop it first, or choose another --data")
        self.folder, self.pid = folder, pid


class DataFolderUnusable(EmbeddedError):
    """The data folder cannot be written: wrong account, full disk, read-only."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"cannot use {folder}: {error}; make it writable for this account, or choose another --data")
        self.folder = folder


class NotRunning(EmbeddedError):
    """Nobody runs on this data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"nothing runs on {folder}; start it with: motcua up --data {folder}")
        self.folder = folder


class DataFolder:
    """One data folder; created on first use, private parts readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.nats, self.postgres = self.path / "nats", self.path / "postgres"
        self.logs, self.secrets = self.path / "logs", self.path / "secrets"
        self.runtime = self.path / "runtime.json"

    def create(self) -> None:
        """Make the layout; the folder itself may be crossed, not listed: PostgreSQL may run as another account."""
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.path.chmod(0o711)
        for private in (self.nats, self.postgres, self.logs, self.secrets):
            private.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder until the block or the process ends; `DataFolderInUse` when somebody else holds it."""
        with hold(self.path / "lock", self.path):
            yield

    def secret(self, name: str) -> str:
        """The secret of that name, safe inside a URL; made once and kept."""
        path = self.secrets / name
        with suppress(FileNotFoundError):
            if kept := path.read_text().strip():
                return kept
        self.create()
        write_private(path, fresh := secrets.token_urlsafe(24))
        return fresh

    def port(self, name: str) -> int:
        """The port kept under that name while it is free, else a fresh one, kept from now on."""
        path = self.path / "ports.json"
        kept: dict[str, int] = {}
        with suppress(FileNotFoundError, ValueError):
            kept = json.loads(path.read_text())
        if name not in kept or not is_free(kept[name]):
            kept[name] = _free_port(besides=kept.values())
            write_private(path, json.dumps(kept))
        return kept[name]

    def write_runtime(self, info: Mapping[str, Any]) -> None:
        """Tell other commands where the running system is; adds our `pid`, `birth` and `started_at`."""
        pid, now = os.getpid(), datetime.now(UTC).isoformat(timespec="seconds")
        own = {"pid": pid, "birth": _birth(pid), "started_at": now}
        write_private(self.runtime, json.dumps({**info, **own}, indent=2))

    def read_runtime(self) -> dict[str, Any]:
        """What `write_runtime` was given by the process that still runs; else `NotRunning`."""
        try:
            info: dict[str, Any] = json.loads(self.runtime.read_text())
            alive = _birth(info["pid"]) == info["birth"]
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            alive = False
        if not alive:
            raise NotRunning(self.path)
        return info

    def remove_runtime(self) -> None:
        """Take the note away; a clean stop does."""
        self.runtime.unlink(missing_ok=True)


@contextmanager
def hold(path: Path, folder: Path) -> Iterator[None]:
    """Lock one file for this process; the kernel lets go when the process dies, however it dies."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip()
            raise DataFolderInUse(folder, int(holder) if holder.isdigit() else None) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def write_private(path: Path, text: str) -> None:
    """Replace a file that its owner alone may read, whole or not at all, also when the power fails."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    # never through a link: PostgreSQL's account could lay one in its own folder for root to follow
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def is_free(port: int) -> bool:
    """True when a server could listen on that port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # a killed server leaves connections in TIME_WAIT, which block nobody who sets this, as both servers do
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
        return True


def _birth(pid: int) -> float:
    """When a process began, against a number used twice: on Linux in ticks, which a corrected clock does not move."""
    began = psutil.Process(pid).create_time()
    stat = Path(f"/proc/{pid}/stat")
    return float(stat.read_text().rpartition(")")[2].split()[19]) if stat.exists() else began


def _free_port(besides: Collection[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((LOCALHOST, 0))
            port: int = probe.getsockname()[1]
        if port not in besides:
            return port
