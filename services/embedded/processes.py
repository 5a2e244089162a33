"""Child processes that live and die with us: apart from the terminal, watched, stopped in order, never left behind."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from services.embedded.folder import EmbeddedError

_GLANCE = 0.02
_LOG_LIMIT = 10_000_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

_KNOWN_REASONS = (
    ("address already in use", "its port is taken by another program"),
    ("no space left on device", "the disk is full"),
    ("permission denied", "it may not read or write its files"),
    ("read-only file system", "its folder is read-only"),
    ("too many open files", "the limit of open files is too low"),
    ("database files are incompatible", "its files were written by another version"),
)


class ServerDidNotStart(EmbeddedError):
    """A server ended or stayed silent while starting; the message ends with the last lines of its log."""

    def __init__(self, name: str, reason: str, log_file: Path) -> None:
        lines = "\n".join(f"  {line}" for line in last_lines(log_file))
        super().__init__(f"{name} did not start: {reason}\nlog: {log_file}\n{lines}".rstrip())
        self.name, self.reason, self.log_file = name, reason, log_file


@dataclass(frozen=True, kw_only=True)
class Death:
    """A server that ended although nobody stopped it; a negative code is the signal that killed it."""

    name: str
    code: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        how = f"was killed by {signal.Signals(-self.code).name}" if self.code < 0 else f"ended with code {self.code}"
        said = f"; its last words: {self.lines[-1]}" if self.lines else ""
        return f"{self.name} {how} although nobody stopped it; start again, nothing that got a receipt is lost{said}"


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run; `stops` are tried in order, each with its seconds; `abort` ends it at once and loses nothing."""

    name: str
    arguments: Sequence[str | Path]
    folder: Path
    log_file: Path
    stops: Sequence[tuple[signal.Signals, float]]
    abort: signal.Signals
    account: int | None = None
    environment: dict[str, str] = field(default_factory=lambda: {"LC_ALL": "C", "TZ": "UTC"})


class Child:
    """A running program. Start it from the thread that lives as long as the process: its end would end the child."""

    def __init__(self, program: Program) -> None:
        self.program, self._stopping = program, False
        _rotate(program.log_file)
        with program.log_file.open("ab") as log:
            os.chmod(log.fileno(), 0o600)
            self._log_start = log.tell()
            try:
                self._process = spawn(program, log.fileno())
            except (OSError, subprocess.SubprocessError) as error:
                raise ServerDidNotStart(program.name, _why_not_spawned(program, error), program.log_file) from error

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, `None` while it runs; asking also collects the process, so that no zombie stays."""
        return self._process.poll()

    async def wait(self) -> int:
        """Wait for its end; answers the exit code."""
        while (code := self.code) is None:  # noqa: ASYNC110 - the kernel sets no event, it is asked
            await asyncio.sleep(_GLANCE)
        return code

    async def ready(self, answers: Callable[[], Awaitable[bool]], patience: float) -> None:
        """Wait until it really answers; `ServerDidNotStart` when it ends first or the seconds run out."""
        deadline = time.monotonic() + patience
        while not await answers():
            if self.code is not None:
                raise self.failure()
            if time.monotonic() > deadline:
                reason = f"it did not answer within {patience:.0f} seconds"
                raise ServerDidNotStart(self.program.name, reason, self.program.log_file)
            await asyncio.sleep(_GLANCE)

    async def stop(self) -> None:
        """End it in order, by force when it does not listen; returns when it is gone."""
        self._stopping = True
        for how, patience in (*self.program.stops, (signal.SIGKILL, 10.0)):
            if self.code is None:
                self._process.send_signal(how)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wait(), patience)

    def death(self) -> Death | None:
        """How it ended, `None` while it runs or is being stopped."""
        if self._stopping or (code := self.code) is None:
            return None
        return Death(name=self.program.name, code=code, lines=tuple(last_lines(self.program.log_file)))

    def failure(self) -> ServerDidNotStart:
        """Why it ended, in words where its log of this start gives a known reason."""
        with self.program.log_file.open("rb") as log:
            log.seek(self._log_start)
            said = log.read().decode(errors="replace").lower()
        found = [words for sign, words in _KNOWN_REASONS if sign in said]
        reason = found[0] if found else f"it ended with code {self.code}"
        return ServerDidNotStart(self.program.name, reason, self.program.log_file)


def spawn(program: Program, output: int) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, as its account, tied to our life."""
    return subprocess.Popen(
        [str(argument) for argument in program.arguments],
        cwd=program.folder,
        env=program.environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in the terminal reaches us alone; we stop the children in order
        umask=0o077,
        preexec_fn=_tied_to_us(program.abort),  # it calls the kernel and takes no lock of Python's
        user=program.account,
        group=program.account,
        extra_groups=None if program.account is None else [],
    )


async def clear_leftovers(program: Program, folder: Path) -> None:
    """Abort what an earlier life of ours left running in that folder, and wait for its end."""
    executable = Path(program.arguments[0]).name
    for how in (program.abort, signal.SIGKILL):
        left = _left_in(folder, executable)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        deadline = time.monotonic() + 15
        while left and time.monotonic() < deadline:
            await asyncio.sleep(_GLANCE)
            left = _left_in(folder, executable)
    if left:
        reason = f"an older one still runs as process {left[0].pid} and cannot be stopped"
        raise ServerDidNotStart(program.name, reason, program.log_file)


def last_lines(log_file: Path, count: int = 12) -> list[str]:
    """The end of a log; nothing when there is none."""
    try:
        with log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8_000))
            return log.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _tied_to_us(how: signal.Signals) -> Callable[[], None] | None:
    """What the child does before it runs the program: ask the kernel for a signal at our death, however we die."""
    libc, us = _LIBC, os.getpid()
    if libc is None:
        return None  # elsewhere `clear_leftovers` of the next start ends what stayed

    def tie() -> None:
        # runs after the change of account, which would clear the request
        libc.prctl(_PR_SET_PDEATHSIG, int(how))
        if os.getppid() != us:  # we died before the request
            os._exit(1)

    return tie


def _left_in(folder: Path, executable: str) -> list[psutil.Process]:
    """Processes of that name working in that folder: both, or a shell that stands in it would be ended too."""
    return [one for one in psutil.process_iter() if _works_in(one, folder, executable)]


def _works_in(process: psutil.Process, folder: Path, executable: str) -> bool:
    try:
        if process.name() != executable or process.status() == psutil.STATUS_ZOMBIE:
            return False
        # by identity, not by name: the same path may be another folder inside a container
        return os.path.samefile(f"/proc/{process.pid}/cwd" if _LIBC else process.cwd(), folder)
    except (OSError, psutil.Error):
        return False


def _rotate(log_file: Path) -> None:
    with suppress(FileNotFoundError):
        if log_file.stat().st_size > _LOG_LIMIT:
            log_file.replace(log_file.with_suffix(".old.log"))


def _why_not_spawned(program: Program, error: Exception) -> str:
    if program.account is None:
        return f"cannot run {program.arguments[0]}: {error}"
    return (
        f"cannot run {program.arguments[0]} as the unprivileged account {program.account}: {error}; "
        "PostgreSQL refuses root, so start motcua as an ordinary user instead"
    )
