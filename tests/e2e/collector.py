"""A receiver of traces: OTLP over HTTP, in this process."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One span as it arrived; ids in hex, as logs and `traceparent` have them."""

    name: str
    process: str
    trace: str
    id: str
    parent: str
    links: frozenset[str]
    attributes: dict[str, Any] = field(hash=False)


class Collector(ThreadingHTTPServer):
    """Keeps every span, and the bytes in which it came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans, self.bodies = list[Seen](), list[bytes]()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, trace: str) -> dict[str, Seen]:
        """The spans of one trace by their id."""
        return {one.id: one for one in self.spans if one.trace == trace}

    def keep(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = next(one.value.string_value for one in resource.resource.attributes if one.key == "service.name")
            for scope in resource.scope_spans:
                self.spans += [
                    Seen(
                        name=one.name, process=process, trace=one.trace_id.hex(), id=one.span_id.hex(),
                        parent=one.parent_span_id.hex(), links=frozenset(link.span_id.hex() for link in one.links),
                        attributes={a.key: a.value.string_value or a.value.int_value for a in one.attributes},
                    )
                    for one in scope.spans
                ]  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.keep(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Quiet."""
