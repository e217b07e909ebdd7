"""A fake Sentry and OpenTelemetry collector that keeps reports as they came."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.fakes.server import FakeServer


class FakeReports(FakeServer):
    """Both on one port; a context manager that serves in a thread."""

    def __init__(self) -> None:
        super().__init__(port=0, handler=Handler)
        self.account = SimpleNamespace(calls=[], lock=threading.Lock())
        self.dsn = f"{self.url.replace('://', '://public-key@')}/1"

    def events(self) -> list[dict[str, Any]]:
        """Sentry's, without their envelopes."""
        found = []
        for call in self.calls("/api/1/envelope/"):
            lines = call["body"].splitlines()
            for header, item in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(header)["type"] == "event":
                    found.append(json.loads(item))
        return found

    def spans(self) -> list[dict[str, Any]]:
        """OpenTelemetry's, each with the name of the service that sent it."""
        found = []
        for call in self.calls("/v1/traces"):
            for resource in ExportTraceServiceRequest.FromString(call["body"]).resource_spans:
                service = _values(resource.resource.attributes)["service.name"]
                found += [
                    {
                        "service": service,
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "links": [link.trace_id.hex() for link in span.links],
                        "status": span.status.message,
                        "attributes": _values(span.attributes),
                    }
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
        return found

    def everything(self) -> bytes:
        """All reports as bytes, to check that they contain no secrets."""
        return b"\n".join(call["head"] + call["body"] for call in self.account.calls)


def _values(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


class Handler(BaseHTTPRequestHandler):
    """One report."""

    server: FakeReports

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Be silent: `calls` has the requests."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with self.server.account.lock:
            self.server.account.calls.append({"action": self.path, "head": str(self.headers).encode(), "body": body})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
