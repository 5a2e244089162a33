"""A real `motcua up` as a process of its own, and the commands that talk to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

MOTCUA = str(Path(sys.executable).parent / "motcua")


class Running:
    """`motcua up` on a folder, and the commands that talk to it."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data, self._settings = data, settings
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def up(self) -> None:
        log = (self.data.parent / "up.log").open("a")
        self._process = subprocess.Popen(
            [MOTCUA, "up", "--data", str(self.data), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | self._settings,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready "):
                self.url = line.split()[1]
                return
        raise AssertionError(f"motcua up ended early:\n{(self.data.parent / 'up.log').read_text()}")

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def run(self, *arguments: object, expect: int | None = 0) -> str:
        done = subprocess.run(
            [MOTCUA, *map(str, arguments), "--data", str(self.data)], capture_output=True, text=True, timeout=240
        )
        assert expect is None or done.returncode == expect, f"exit {done.returncode}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def figures(self, unit: str, begin: str, end: str) -> dict[str, Any]:
        found = self.run("report", "show", "--unit", unit, "--from", begin, "--to", end, "--json")
        return dict(json.loads(found))

    @property
    def http(self) -> httpx.Client:
        token = (self.data / "secrets" / "http-operator").read_text().strip()
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
