"""Boards and Prometheus: every expression answers from a real one, and no metric of the code is looked at by nobody."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import yaml

from shared.boards import load_catalogue
from shared.settings import RULES
from tests.inside import Inside, until

HOUSE = Path(__file__).parents[2]
CATALOGUE = load_catalogue(RULES)
EXPRESSIONS = [(panel.id, one.expr) for board in CATALOGUE.boards for panel in board.panels for one in panel.metrics]
FOREIGN = re.compile(r"^(up|pg_\w+)$")
"""Prometheus's own, and those of postgres-exporter."""


def names_in(expression: str) -> set[str]:
    """Metrics that an expression reads; a histogram by its own name."""
    found = set(re.findall(r"\b((?:motcua|faststream|pg)_\w+|up)\b(?=\s*[\[{)]|\s*==|$)", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) if "seconds" in name else name for name in found}


async def in_code(running: Inside) -> set[str]:
    text = (await running.http.get("/metrics")).text
    return {name for name in re.findall(r"^# TYPE (\w+)", text, re.M) if not name.endswith("_created")}


@pytest.mark.asyncio(loop_scope="session")
async def test_what_panels_read_is_in_the_code_and_what_is_in_the_code_is_read(running: Inside) -> None:
    code = await in_code(running)
    panels = {name for _, expression in EXPRESSIONS for name in names_in(expression)}
    here = {panel.here.metric for board in CATALOGUE.boards for panel in board.panels if panel.here}
    assert {name for name in panels | here if not FOREIGN.match(name)} - code == set(), (
        "panels of metrics that nobody keeps"
    )
    groups = yaml.safe_load((HOUSE / "deploy" / "prometheus" / "rules" / "motcua.yml").read_text("utf-8"))["groups"]
    alarms = {name for group in groups for rule in group["rules"] for name in names_in(rule["expr"])}
    unused = set(CATALOGUE.unused)
    assert code - panels - alarms - unused == set(), (
        "put them on a board, or into words/unused-metrics.yaml with the reason"
    )
    assert unused - code == set() and unused & (panels | alarms) == set(), "listed as unused, and is not"


def tool(name: str) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (apt-get install {name}): panels of Prometheus are not tried")
    return name


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[None]:
    running = subprocess.Popen(
        arguments, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        running.terminate()
        running.wait(20)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def prometheus(running: Inside, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A real Prometheus that scrapes the running system, and the database through its exporter, every second."""
    program, exporter = tool("prometheus"), tool("prometheus-postgres-exporter")
    folder, port, exported = tmp_path_factory.mktemp("prometheus"), free_port(), free_port()
    jobs = {"motcua": urlsplit(running.system.url).netloc, "postgres": f"127.0.0.1:{exported}"}
    config = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [at]}]} for job, at in jobs.items()],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    database = running.system.servers.postgres_dsn(database="motcua") + "?sslmode=disable"
    with (
        process(exporter, f"--web.listen-address=127.0.0.1:{exported}", DATA_SOURCE_NAME=database),
        process(program, *arguments, f"--web.listen-address=127.0.0.1:{port}"),
    ):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            yield http


async def asked(http: httpx.AsyncClient, expression: str) -> list[dict[str, object]]:
    try:
        answer = await http.get("/api/v1/query", params={"query": expression})
    except httpx.TransportError:
        return []
    assert answer.status_code in (200, 503), answer.text
    return list(answer.json()["data"]["result"]) if answer.status_code == 200 else []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("panel", "expression"), EXPRESSIONS, ids=lambda one: one[:24])
async def test_every_expression_answers(
    running: Inside, prometheus: httpx.AsyncClient, panel: str, expression: str
) -> None:
    found = await until(lambda: asked(prometheus, expression), f"{panel}: {expression} to answer", seconds=60)
    assert found


@pytest.mark.asyncio(loop_scope="session")
async def test_a_plain_figure_is_the_same_from_prometheus_and_from_the_process(
    running: Inside, prometheus: httpx.AsyncClient
) -> None:
    (one,) = await until(lambda: asked(prometheus, "sum(motcua_dead_letters_total)"), "dead letters")
    assert one["value"][1] == "0"  # type: ignore[index]
    page = (await running.http.get("/board/van-hanh")).text
    assert re.search(r'Bản tin không nhận được</h3>.*?<span class="number">0</span>', page, re.S)
