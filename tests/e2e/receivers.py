"""Real receivers of alerts: a mail server and a web server that remember what they were sent."""

from __future__ import annotations

import email
import email.policy
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Mail:
    """One mail as its reader sees it."""

    to: list[str]
    subject: str
    text: str


@dataclass
class MailServer:
    """An SMTP server on a port of its own that can be taken away and brought back."""

    port: int
    mails: list[Mail] = field(default_factory=list)
    _controller: Controller | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = message.get_body(("plain",))
        assert text is not None
        self.mails.append(Mail(list(envelope.rcpt_tos), str(message["subject"]), text.get_content()))
        return "250 OK"

    def up(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def down(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def address(self, to: str) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=motcua@binhgiang.example&to={to}@binhgiang.example&mode=insecure"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mail_server(*, up: bool = True) -> Iterator[MailServer]:
    server = MailServer(free_port())
    if up:
        server.up()
    yield server
    server.down()


@dataclass
class Hook:
    """A webhook: everything that was posted to it."""

    address: str
    posted: list[dict[str, Any]]


@contextmanager
def webhook() -> Iterator[Hook]:
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Hook(f"json://127.0.0.1:{server.server_port}/hook", posted)
    server.shutdown()
    server.server_close()
