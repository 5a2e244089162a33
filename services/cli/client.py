"""How commands find and ask the running system: by its data folder or by the environment."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.embedded import DataFolder, NotRunning

Data = Annotated[Path, typer.Option("--data", envvar="MOTCUA_DATA", help="data folder of the running system")]
DEFAULT_DATA = Path("var")
said = Console(stderr=True)
"""Progress and remarks; standard output carries results only."""


def results() -> Console:
    """Standard output; a pipe or a file has no width, and a table squeezed into 80 columns loses its words."""
    return Console() if sys.stdout.isatty() else Console(width=150)


def progress_bar() -> Progress:
    """Of long work: how much of how much, and how long still; on standard error, gone when done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=said, transient=True)


class CommandFailed(Exception):
    """A command that could not do what was asked: what a person reads, and the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class RequestRefused(CommandFailed):
    """The system understood and refused: asking for the same thing again will not help."""


class Client:
    """The HTTP door of the running system, with the operator's token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120)

    @classmethod
    def find(cls, data: Path) -> Client:
        """By `MOTCUA_URL` and `MOTCUA_TOKEN`, else by the data folder; raises `CommandFailed` when nothing runs there."""
        if url := os.environ.get("MOTCUA_URL"):
            return cls(url, os.environ.get("MOTCUA_TOKEN", ""))
        try:
            runtime = DataFolder(data).read_runtime()
        except NotRunning as error:
            raise CommandFailed(str(error)) from error
        return cls(runtime["url"], runtime["token"])

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer; raises `CommandFailed` with what the system said."""
        return self._answer(lambda: self._http.get(path, params={k: v for k, v in params.items() if v is not None}))

    def get_bytes(self, path: str, **params: Any) -> bytes:
        """The answer as it is."""
        response = self._send(lambda: self._http.get(path, params=params))
        return response.content

    def post(
        self, path: str, body: Any = None, *, content: bytes | None = None, media_type: str = "application/json"
    ) -> Any:
        """The JSON answer; a 503 is tried again, for every door takes the same thing twice without harm."""
        if content is None:
            return self._answer(lambda: self._http.post(path, json=body))
        headers = {"Content-Type": media_type}
        return self._answer(lambda: self._http.post(path, content=content, headers=headers))

    def post_for_file(self, path: str, body: Any, **params: Any) -> httpx.Response:
        """The answer as it is; what is asked for stands in the body, where no address and no log shows it."""
        return self._send(lambda: self._http.post(path, json=body, params=params))

    def exchange(self, path: str, content: bytes, media_type: str) -> Any:
        """The JSON answer, a refusal's too; raises `CommandFailed` for a token that is not known and for faults of the system."""
        send = partial(self._http.post, path, content=content, headers={"Content-Type": media_type})
        response = self._heard(send)
        if response.status_code in (401, 403) or response.status_code >= 500:
            raise CommandFailed(_reason(response), code=1)
        return response.json()

    def wait_until_digested(self, *, seconds: float = 600) -> None:
        """Wait until every service has worked off all it heard: twice in a row nothing waits anywhere."""
        calm, end = 0, time.monotonic() + seconds
        while calm < 2:
            waiting = {name: count for name, count in self.get("/v1/backlog").items() if count}
            calm = 0 if waiting else calm + 1
            if time.monotonic() > end:
                raise CommandFailed(f"still not digested after {seconds:g} s: {waiting}; see motcua doctor", code=1)
            time.sleep(0.05)

    def _answer(self, send: Any) -> Any:
        response = self._send(send)
        return response.json() if response.content else None

    def _send(self, send: Any) -> httpx.Response:
        response = self._heard(send)
        if response.is_error:
            if response.status_code >= 500:
                raise CommandFailed(_reason(response), code=1)
            raise RequestRefused(_reason(response))
        return response

    def _heard(self, send: Any) -> httpx.Response:
        for attempt in range(5):
            try:
                response: httpx.Response = send()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise CommandFailed(f"{self.url} does not answer ({error}); is `motcua up` still running?") from error
            if response.status_code != 503 or attempt == 4:
                break
            time.sleep(1 + attempt)
        return response


def _reason(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return f"{response.status_code} {response.text[:200]}"
    if not isinstance(body, dict):
        return f"{response.status_code} {str(body)[:200]}"
    detail = body.get("error") or body.get("message") or body.get("detail") or body.get("problems") or body
    if isinstance(detail, list):  # what FastAPI found wrong with the request
        return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail)
    return str(detail)
