"""The stack of docker-compose.yml on a real engine: found or started, under a project name and ports of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("NATS", "PROMETHEUS", "ALERTMANAGER", "GRAFANA", "MAIL")


def tool() -> Path | None:
    """The script that starts an engine and builds stand-in images where no registry is in reach."""
    shared = Path(os.environ.get("MOTCUA_SHARED") or ROOT.parent / "shared")
    found = shared / "tools" / "offline-engine"
    return found if found.exists() and os.geteuid() == 0 and Path("/etc/debian_version").exists() else None


def engine() -> Path | None:
    """Make sure that an engine answers; returns the tool when there is one, skips the tests when there is neither."""
    offline = tool()
    answers = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True).returncode == 0
    if offline is None and not answers:
        pytest.skip(
            "`docker info` fails, and no offline-engine under MOTCUA_SHARED/tools or ../shared/tools for root on Debian"
        )
    if offline is not None:
        started = subprocess.run([str(offline)], capture_output=True, text=True, timeout=600)
        if started.returncode:
            pytest.skip(f"the engine does not start here: {(started.stdout + started.stderr)[-500:]}")
    return offline


class Stack:
    """One project of Docker Compose, from docker-compose.yml and the files that are laid over it."""

    def __init__(self, folder: Path, *over: str) -> None:
        self.secrets = folder / "secrets"
        self.ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        taken = {f"MOTCUA_{name}_PORT": str(port) for name, port in self.ports.items()}
        free = {f"MOTCUA_{name}_PORTS": "0" for name in ("DOSSIER", "INSPECTION", "REPORTING", "NOTIFICATION")}
        self._environment = {**os.environ, **taken, **free, "MOTCUA_SECRETS_DIR": str(self.secrets)}
        self._environment["COMPOSE_PROFILES"] = "demo"
        self._environment["MOTCUA_DELIVERIES_FILE"] = "./deploy/notification/deliveries-demo.yaml"
        self._environment["COMPOSE_FILE"] = ":".join(("docker-compose.yml", *over))
        self.project = f"motcua-test-{'-'.join((*map(_slug, over), str(os.getpid())))}"
        self._environment["COMPOSE_PROJECT_NAME"] = self.project

    def build(self, offline: Path | None) -> None:
        if offline is not None:
            # it ends with 1 when every image was there already; a missing one is named by the next command
            subprocess.run([str(offline), "images"], cwd=ROOT, env=self._environment, capture_output=True, timeout=900)
        self.compose("build", "--quiet", "dossier")

    def compose(self, *arguments: str, seconds: float = 400) -> str:
        return _must(["docker", "compose", *arguments], self._environment, seconds)

    def up(self, *arguments: str, seconds: int = 240) -> None:
        """Start what is missing and wait until everything is healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", str(seconds), *arguments)

    def once(self, *command: str) -> str:
        """What `motcua` says in the one-shot job that has the secrets of operators."""
        return self.compose("run", "--rm", "--no-deps", "--no-TTY", "provision", *command)

    def make(self, target: str, **variables: object) -> str:
        return _must(["make", target, *(f"{name}={value}" for name, value in variables.items())], self._environment)

    def lose(self, *volumes: str) -> None:
        """Everything stops, and these volumes are gone."""
        self.compose("down")
        _must(["docker", "volume", "rm", *(f"{self.project}_{name}" for name in volumes)], self._environment)

    def kill(self, *containers: str) -> None:
        """Without a word of warning; `reporting-2` is the second process of reporting."""
        _must(["docker", "kill", *(f"{self.project}-{name}" for name in containers)], self._environment)

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text("utf-8")

    def processes(self) -> list[dict[str, Any]]:
        """What the engine says of every running container."""
        ids = self.compose("ps", "--quiet").split()
        return list(json.loads(_must(["docker", "inspect", *ids], self._environment)))

    def url(self, service: str) -> str:
        """Where one process of a service answers on this machine."""
        return f"http://{self.compose('port', service, '8080').strip()}"


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true answer of `condition`; an error counts as not yet."""
    end, last = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except Exception as error:
            last = str(error)
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:g} s in vain: {what} {last}")


def _slug(file: str) -> str:
    return Path(file).parent.name


def _must(command: list[str], environment: Any, seconds: float = 900) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
