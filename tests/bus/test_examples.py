"""The examples for integrators, run as they are against the real bus with the centre's own account."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from nats.aio.msg import Msg

from shared import topology
from shared.contract import json_schemas
from tests.inside import UNIT, Inside, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
EXAMPLES = Path(__file__).parents[2] / "docs" / "integrate" / "examples"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data) as one:
            yield one


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript example with its packages, outside the repository."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (apt-get install nodejs npm): the JavaScript example is not tried")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < 20:
        pytest.skip(f"node {version.strip()} is older than 20: the JavaScript example is not tried")
    folder = tmp_path_factory.mktemp("javascript") / "example"
    shutil.copytree(EXAMPLES / "javascript", folder)
    for _ in range(3):
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True, timeout=120
        )
        if done.returncode == 0:
            return folder
    pytest.skip(f"npm cannot get the packages of the JavaScript example: {done.stderr[-300:]}")


def records(folder: Path, prefix: str) -> Path:
    """Two good records, one that a door refuses, and the first once more."""
    first = record("received", f"{prefix}-1", "2025-11-03", due_at="2025-11-06", field="Hộ tịch")
    finished = record("completed", f"{prefix}-1", "2025-11-05")
    bad = record("received", f"{prefix}-2", "2025-11-03", channel="pigeon")
    path = folder / "records.jsonl"
    path.write_text(
        "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in (first, finished, bad, first)), "utf-8"
    )
    return path


async def run(*arguments: object, cwd: Path) -> tuple[int, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *map(str, arguments), cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().splitlines()


async def check(running: Inside, prefix: str, *command: object, path: Path, cwd: Path) -> None:
    code, said = await run(*command, path, cwd=cwd)
    assert code == 1, said
    assert len(said) == 2, said
    assert said[0].startswith(f"{UNIT}-{prefix}-2-received-2025-11-03: data.channel "), said
    assert said[1] == "2 accepted, 1 duplicate, 1 rejected and 0 unanswered"
    await running.settled()
    assert await running.said(f"{prefix}-1") == ["received", "resolved"]
    assert await running.said(f"{prefix}-2") == []

    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:2]), "utf-8")
    again = await run(*command, path, cwd=cwd)
    assert again == (0, ["0 accepted, 2 duplicate, 0 rejected and 0 unanswered"])


async def test_the_python_example(running: Inside, tmp_path: Path) -> None:
    url = running.system.servers.nats.url_of(f"centre-{UNIT}")
    command = (sys.executable, EXAMPLES / "python" / "say.py", url, UNIT)
    await check(running, "PY", *command, path=records(tmp_path, "PY"), cwd=tmp_path)


async def test_the_javascript_example(running: Inside, tmp_path: Path, javascript: Path) -> None:
    command = ("node", "say.mjs", running.system.servers.nats.url_of(f"centre-{UNIT}"), UNIT)
    await check(running, "JS", *command, path=records(tmp_path, "JS"), cwd=javascript)


async def test_receipts_are_as_the_schema_says(running: Inside) -> None:
    inbox, batches = f"_INBOX.centre.{UNIT}.schema", list[Any]()

    async def keep(message: Msg) -> None:
        batches.append(json.loads(message.data))

    await running.bus.subscribe(inbox, cb=keep)
    good, bad = record("received", "RC-1", "2025-11-03"), record("received", "RC-2", "2025-11-03", channel="pigeon")
    bodies = [json.dumps(one).encode() for one in (good, good, bad)]
    await running.publish(f"onestop.v1.{UNIT}.received", *bodies, Motcua_Receipt_To=inbox)

    async def all_here() -> bool:
        return sum(map(len, batches)) == 3

    await until(all_here, "three receipts")
    validator = Draft202012Validator(json_schemas()["receipts"])
    assert [error.message for batch in batches for error in validator.iter_errors(batch)] == []
    known = set(json_schemas()["receipts"]["$defs"]["Receipt"]["properties"])
    assert {name for batch in batches for receipt in batch for name in receipt} == known, (
        "the schema names all there is"
    )
    assert sorted(receipt["status"] for batch in batches for receipt in batch) == ["accepted", "duplicate", "rejected"]


async def test_what_is_heard_is_as_the_schemas_say(running: Inside) -> None:
    petition = record("petition.received", "P-1", "2025-11-03")
    petition["data"]["petition"] = petition["data"].pop("dossier")
    await running.say(record("received", "EV-1", "2025-11-03", due_at="2025-11-06"), petition)
    await running.say(record("rated", "EV-1", "2025-11-04", rating=1))
    heard: dict[str, list[dict[str, Any]]] = {
        about: await running.messages(topology.DOSSIER, f"{about}.v1.{UNIT}.*") for about in ("dossier", "petition")
    }
    for about, events in heard.items():
        assert events
        validator = Draft202012Validator(json_schemas()[f"{about}-event"])
        assert [error.message for event in events for error in validator.iter_errors(event)] == []
