"""What stands before every HTTP door: limits of requests, of bodies and of patience; headers, tokens and their units."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from shared.http import BoundedBody, HttpServer
from shared.protection import HEADERS, RateLimit
from tests.inside import UNIT, Inside, inside, new_folder, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data) as one:
            yield one


async def measure(request: Request) -> PlainTextResponse:
    """An endpoint that reads all it is given."""
    return PlainTextResponse(str(len(await request.body())))


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """The port of a real server with this application."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


def small() -> Starlette:
    bounded = Middleware(BoundedBody, most=1000, pause=0.3, whole=1.0)
    return Starlette(routes=[Route("/", measure, methods=["POST"])], middleware=[bounded])


async def dribble(port: int, pieces: int, wait: float) -> bytes:
    """The status line of the answer to a body of `pieces` bytes, one every `wait` seconds; it never ends by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n")

    async def slowly() -> None:
        for _ in range(pieces):
            writer.write(b"x")
            await asyncio.sleep(wait)

    sender = asyncio.create_task(slowly())
    async with asyncio.timeout(10):
        answer = await reader.readline()
    sender.cancel()
    writer.close()
    return answer


async def test_a_body_that_stops_or_dribbles_is_cut_off_and_hurts_no_other() -> None:
    async with served(small()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as honest:
        slow = [asyncio.create_task(dribble(port, 1, 0)), asyncio.create_task(dribble(port, 800, 0.1))]
        answer = await honest.post("/", content=b"x" * 1000)
        assert (answer.status_code, answer.text) == (200, "1000")
        assert not any(one.done() for one in slow), "the honest sender did not wait for the slow ones"
        assert [await one for one in slow] == [b"HTTP/1.1 408 Request Timeout\r\n"] * 2


@contextlib.asynccontextmanager
async def door(headers_seconds: float) -> AsyncIterator[int]:
    """The port of the server that every process runs, with little patience."""
    app = FastAPI()
    app.add_api_route("/", measure, methods=["POST"])
    server = HttpServer(app, host="127.0.0.1", port=0, headers_seconds=headers_seconds)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
WHOLE = HEAD + b"\r\nbody"


async def trickle(port: int, first: bytes, then: bytes, wait: float = 0.05) -> tuple[bytes, float]:
    """All that is answered to `first` at once and `then` a byte every `wait` seconds for ever; and after how long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = asyncio.get_running_loop().time()

    async def slowly() -> None:
        writer.write(first)
        for byte in itertools.cycle(then):
            writer.write(bytes((byte,)))
            await asyncio.sleep(wait)

    sender = asyncio.create_task(slowly())
    answer = bytearray()
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionResetError):
            while piece := await reader.read(4096):
                answer += piece
    sender.cancel()
    writer.close()
    return bytes(answer), asyncio.get_running_loop().time() - begun


@pytest.mark.parametrize(
    ("first", "then"),
    [(b"", b"POST / HTTP/1.1\r\n" + b"X: y\r\n" * 3), (HEAD, b"X-Slow: y\r\n")],
    ids=["from the first byte", "in the headers"],
)
async def test_headers_a_byte_at_a_time_are_cut_off_and_hurt_no_other(first: bytes, then: bytes) -> None:
    async with door(headers_seconds=1.0) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as honest:
        slow = asyncio.create_task(trickle(port, first, then))
        answer = await honest.post("/", content=b"body")
        assert (answer.status_code, answer.text, slow.done()) == (200, "4", False)
        told, seconds = await slow
        assert told.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"headers came too slowly" in told
        assert seconds > 0.9


async def test_a_second_request_of_a_connection_has_no_more_patience_than_the_first() -> None:
    async with door(headers_seconds=1.0) as port:
        told, seconds = await trickle(port, WHOLE, HEAD)
        assert told.startswith(b"HTTP/1.1 200 OK\r\n") and b"HTTP/1.1 408 Request Timeout\r\n" in told
        assert seconds > 0.9


async def test_a_connection_on_which_nothing_is_said_is_ended() -> None:
    async with door(headers_seconds=0.3) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(10):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_a_body_may_take_longer_than_headers() -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(8):
            await asyncio.sleep(0.1)
            yield b"x"

    async with door(headers_seconds=0.3) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/", content=slowly())
        assert (answer.status_code, answer.text) == (200, "8")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_not_read_to_its_end(chunked: bool) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield b"x" * 10_000
            await asyncio.sleep(0)

    headers = {} if chunked else {"Content-Length": str(100_000_000)}
    async with served(small()) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        try:
            answer = await client.post("/", content=pieces(), headers=headers)
        except (httpx.WriteError, httpx.ReadError):
            pass  # it hung up on us while we were still sending
        else:
            assert answer.status_code == 413
            assert answer.json()["error"] == "a request body has at most 1,000 bytes; split it"
        assert taken < 10_000


async def test_who_asks_too_fast_waits_alone_and_not_for_ever() -> None:
    now = 100.0
    door = Starlette(routes=[Route("/", measure, methods=["POST"]), Route("/healthz", measure, methods=["POST"])])
    limited = RateLimit(door, per_second=2, burst=3, now=lambda: now)

    def caller(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(limited, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://door")

    async with caller("10.0.0.1") as fast, caller("10.0.0.2") as other:
        assert [(await fast.post("/")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await fast.post("/")
        assert refused.headers["Retry-After"] == "1"
        assert "too many requests" in refused.json()["error"]
        assert (await other.post("/")).status_code == 200
        assert (await fast.post("/healthz")).status_code == 200, "who watches must see a door that is being flooded"
        now += 0.5
        assert [(await fast.post("/")).status_code for _ in range(2)] == [200, 429]
        now += 3600
        assert [(await fast.post("/")).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", f"/v1/findings?unit={UNIT}", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/records", 405),
        ("GET", "/v1/findings", 422),
        ("POST", "/dvcqg/v1", 400),
    ],
)
async def test_every_answer_carries_the_headers(running: Inside, method: str, path: str, status: int) -> None:
    answer = await running.http.request(method, path)
    assert answer.status_code == status, answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("address", [f"/v1/findings?unit={UNIT}%00", f"/v1/petitions/{UNIT}/a%00b"])
async def test_an_address_with_a_nul_is_refused_before_the_database_sees_it(running: Inside, address: str) -> None:
    answer = await running.http.get(address)
    assert answer.status_code == 400
    assert "NUL" in answer.json()["error"]


async def test_refusals_carry_them_too(running: Inside) -> None:
    too_large = await running.http.post("/v1/records", content=b"x" * (33 << 20))
    async with httpx.AsyncClient(base_url=running.system.url) as nobody:
        unknown = await nobody.get(f"/v1/findings?unit={UNIT}")
    assert (too_large.status_code, unknown.status_code) == (413, 401)
    for answer in (too_large, unknown):
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


async def test_a_token_that_was_taken_away_counts_no_more(running: Inside) -> None:
    path = running.data / "secrets" / "tokens.json"
    before = path.read_text()
    assert running.system.token not in before, "only its hash is kept"
    digest = hashlib.sha256(b"for-a-day").hexdigest()
    path.write_text(json.dumps({**json.loads(before), digest: {"name": "guest", "units": [UNIT]}}))
    headers = {"Authorization": "Bearer for-a-day"}
    assert (await running.http.get(f"/v1/findings?unit={UNIT}", headers=headers)).status_code == 200
    path.write_text(before)
    refused = await running.http.get(f"/v1/findings?unit={UNIT}", headers=headers)
    assert refused.status_code == 401
    assert "Authorization: Bearer" in refused.json()["error"]


OTHER = "10510"
ROLES = ["apologist", "approver", "import", "reporter"]
QUERY = {
    "unit": UNIT, "from": "2025-11-01", "to": "2025-11-30", "on": "2025-11-30", "column": "c3", "period": "2025-Q3",
    "suffix": ".xlsx", "measure": "petitions_received", "known_from": "2026-01-01", "known_to": "2026-01-02",
    "score": "5",
}  # fmt: skip
"""A good value for every parameter that some route needs."""
BODIES: dict[str, Any] = {
    "/v1/sheets": b"code,received_at\nA,2025-11-03\n",
    "/dvcqg/v1": {"madonvi": "x", "service": "DongBoHoSoMC", "data": [{"MaHoSo": "A"}]},
}
"""What the bodies of routes say that describe no model of theirs."""


def asked_for(described: dict[str, Any], route: str, operation: dict[str, Any]) -> dict[str, Any]:
    """A good request of an operation, as arguments of the client."""
    wanted = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
    query = {name: value for name, value in QUERY.items() if name in wanted}
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return {"params": query}
    reference = next(iter(content.values()))["schema"].get("$ref")
    body = BODIES.get(route, [{"MaHoSo": "A"}])
    if reference:
        model = described["components"]["schemas"][reference.rpartition("/")[2]]
        body = {name: _example(name, model["properties"][name]) for name in model.get("required", [])}
    return {"params": query, ("content" if isinstance(body, bytes) else "json"): body}


def _example(name: str, schema: dict[str, Any]) -> Any:
    if name in QUERY:
        return QUERY[name]
    if "enum" in schema:
        return schema["enum"][0]
    return "2025-11-03" if schema.get("format") == "date" else "A-1"


async def test_every_route_with_a_unit_refuses_the_token_of_another_and_of_nobody(running: Inside) -> None:
    """Routes come from the API's own description, so that a new one cannot be forgotten; other roles do not help."""
    path = running.data / "secrets" / "tokens.json"
    known = json.loads(path.read_text())
    digest = hashlib.sha256(b"of-thanh-dong").hexdigest()
    path.write_text(json.dumps({**known, digest: {"name": "thanh-dong", "units": [OTHER], "roles": ROLES}}))
    await running.say(record("received", "A-1", "2025-11-03"))
    described = (await running.http.get("/openapi.json")).json()
    answers = dict[str, list[int]]()
    for route, methods in described["paths"].items():
        for method, operation in methods.items():
            request = asked_for(described, route, operation)
            body = request.get("json")
            names = {one["name"] for one in operation.get("parameters", [])} | set(
                body if isinstance(body, dict) else ()
            )
            if "unit" not in names:
                continue
            url = route.replace("{unit}", UNIT).replace("{code}", "A-1")
            answers[f"{method} {route}"] = [
                (
                    await running.http.request(method, url, headers={"Authorization": f"Bearer {token}"}, **request)
                ).status_code
                for token in ("of-thanh-dong", "wrong")
            ]
    assert len(answers) > 25
    assert {route: codes for route, codes in answers.items() if codes != [403, 401]} == {}
