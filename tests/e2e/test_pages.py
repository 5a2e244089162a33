"""The pages for integrators, followed as a newcomer would: every command runs as printed and prints what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Running

PAGES = Path(__file__).resolve().parents[2] / "docs" / "integrate"
ORDER = ("README", "vendor", "portal", "sheets", "petitions", "scorecard", "simulate", "city")
"""As a reader goes; what one page sent is a duplicate on the next."""
BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""`sh by-hand` blocks are the reader's own: they start something, or have a place to fill in."""


def commands(page: str) -> Iterator[tuple[str, str | None]]:
    """Commands of a page, and what is printed after each; nothing for blocks that show no output."""
    for kind, text in BLOCK.findall((PAGES / f"{page}.md").read_text("utf-8")):
        if kind == "sh":
            yield text, None
            continue
        for said in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            lines = said.split("\n")
            end = next(n for n, line in enumerate(lines, 1) if not line.endswith("\\"))
            yield "\n".join(lines[:end]), "\n".join(lines[end:])


def as_printed(expected: str) -> re.Pattern[str]:
    """What a page shows, wherever it breaks lines; `…` stands for anything."""
    return re.compile(".*?".join(re.escape(_plain(part)) for part in expected.split("…")), re.DOTALL)


def _plain(text: str) -> str:
    return "".join(text.split())


@pytest.fixture(scope="module")
def environment(shared_system: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the lines under `Before you start` set, an empty home, and nothing else."""
    runtime = json.loads((shared_system.data / "runtime.json").read_text())
    bus, secret = runtime["nats_url"].rpartition("@")[2], shared_system.data / "secrets" / "nats-centre-10966"
    practice = tmp_path_factory.mktemp("newcomer") / "practice"
    shutil.copytree(PAGES / "examples", practice, ignore=shutil.ignore_patterns("node_modules"))
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (apt-get install nodejs npm): the pages are not followed")
    found = subprocess.run(["npm", "ci", "--silent"], cwd=practice / "javascript", capture_output=True, timeout=120)
    if found.returncode:
        pytest.skip("npm cannot get the packages of the JavaScript example: the pages are not followed")
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(practice.parent), "LANG": "C.UTF-8",
        "PWD": str(practice), "MOTCUA_DATA": str(shared_system.data), "URL": runtime["url"], "TOKEN": runtime["token"],
        "BUS": f"nats://centre-10966:{secret.read_text().strip()}@{bus}",
    }  # fmt: skip


@pytest.mark.timeout(300)
def test_the_pages_for_integrators_work_as_printed(environment: dict[str, str]) -> None:
    wrong = list[str]()
    for page in ORDER:
        for command, expected in commands(page):
            done = subprocess.run(
                ["bash", "-c", command], cwd=environment["PWD"], env=environment, capture_output=True, text=True
            )
            said = f"{page}.md: {command}\n→ {done.returncode}\n{done.stdout}{done.stderr}"
            if expected is None:
                if done.returncode:
                    wrong.append(said)
            elif not as_printed(expected).fullmatch(_plain(done.stdout + done.stderr)):
                wrong.append(f"{said}\ninstead of\n{expected}")
    assert not wrong, "\n\n".join(wrong)


def test_every_page_is_followed() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(ORDER)
