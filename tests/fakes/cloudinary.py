"""A fake Cloudinary: uploads whole and in parts, removals, listings, delivery with ranges. Logs every call.

    python -m tests.fakes.cloudinary --port 9000

prints a CLOUDINARY_URL that points the product at it. `GET /__books__` returns the stored files and the calls;
`POST /__script__` schedules faults: [{"on": "upload", "fault": "500", "times": 2, "skip": 1}].

`on` is `upload`, `destroy`, `delivery` (a GET), `head` or `list` (the Admin API's resources). `fault` is an HTTP
status, also with words (`400 Empty file`), or one of `reset` (the connection, before anything is done), `lost` (done,
but the connection is reset instead of a response), `hang`, `garbage` (HTML instead of JSON), `truncate` (a delivery's
connection ends half-way), `rangeless` (the whole file for any range), `shifted` (another range than requested),
`lengthless` (no Content-Length), or the JSON of the response itself.

Behaviour from the SDK 1.46.3 (its docs/ folder) and cloudinary.com/documentation, read 2026-11.
"""

import argparse
import json
import re
import signal
import socket
import struct
import sys
from base64 import b64encode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.cloudinary_account import TYPES, Account, Fault, Refusal
from tests.fakes.server import FakeServer

LISTING = re.compile(r"/v1_1/([^/]+)/resources/(image|video|raw)/upload")
TRANSFORMATION = re.compile(r"[a-z]{1,3}_[^/,]+(,[a-z]{1,3}_[^/,]+)*")
RESET = "Mon, 30 Nov 2026 03:00:00 GMT"
STILL = b"\xff\xd8\xff a still of "


class FakeCloudinary(FakeServer):
    """One account on loopback; a context manager that serves in a thread.

    `private`: the account has its own delivery host, so URLs do not contain its name.
    """

    def __init__(self, *, port: int = 0, private: bool = False, **account: Any) -> None:
        super().__init__(port=port, handler=Handler)
        self.account = Account(**account)
        self.account.delivery = (
            f"http://localhost:{self.server_port}" if private else f"{self.url}/{self.account.cloud}"
        )

    @property
    def cloudinary_url(self) -> str:
        """The value for the product's environment."""
        account = self.account
        return (
            f"cloudinary://{account.key}:{account.secret}@{account.cloud}"
            f"?upload_prefix={self.url}&secure_distribution={self.url}"
        )

    def script(self, on: str, fault: str, *, times: int = 1, skip: int = 0) -> None:
        with self.account.lock:
            self.account.faults.append(Fault(on, fault, times, skip))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeCloudinary
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Be silent: the account logs the calls."""

    def do_GET(self) -> None:
        if self.path == "/__books__":
            self._send_json(200, self.server.account.as_json())
            return
        if match := LISTING.fullmatch(urlsplit(self.path).path):
            self._play({"action": "list", "path": self.path}, lambda: self._list(*match.groups()))
            return
        on = "head" if self.command == "HEAD" else "delivery"
        call = {"action": on, "path": self.path, "range": self.headers.get("Range")}
        self._play(call, lambda: self._deliver(call))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/__script__":
            given = json.loads(body)
            for fault in given if isinstance(given, list) else [given]:
                self.server.script(**fault)
            self._send_json(200, {"faults": len(self.server.account.faults)})
            return
        call = {"action": self.path.rpartition("/")[2], "part": self.headers.get("Content-Range")}
        self._play(call, lambda: self._act(call, body))

    def _play(self, call: dict[str, Any], act: Callable[[], None]) -> None:
        """Log the call, and play the next scripted fault or handle the request."""
        fault = self.server.account.next_fault(call["action"])
        call |= {"fault": fault, "status": None}
        with self.server.account.lock:
            self.server.account.calls.append(call)
        if fault == "reset":
            self._reset()
        elif fault == "hang":
            self.close_connection = True
            self.server.stopping.wait(60)
        elif fault == "garbage":
            self._send(200, b"<html>It works!</html>", {"Content-Type": "text/html"})
        elif fault.startswith(("{", "[", "null")):
            self._send(200, fault.encode(), {"Content-Type": "application/json"})
        elif (refusal := fault.partition(" "))[0].isdecimal():
            self._refuse(call, Refusal(int(refusal[0]), refusal[2] or "by script"))
        else:
            try:
                act()
            except Refusal as exc:
                self._refuse(call, exc)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _refuse(self, call: dict[str, Any], exc: Refusal) -> None:
        call["status"] = exc.status
        if self.command == "POST":
            self._send_json(exc.status, {"error": {"message": str(exc)}})
        else:
            headers = {"X-Cld-Error": str(exc)}
            if exc.status == 420:
                headers |= {"X-FeatureRateLimit-Limit": "500", "X-FeatureRateLimit-Reset": RESET}
            self._send(exc.status, b"", headers)

    def _act(self, call: dict[str, Any], body: bytes) -> None:
        account = self.server.account
        match = re.fullmatch(r"/v1_1/([^/]+)/(image|video|raw)/(upload|destroy)", self.path)
        if match is None:
            raise Refusal(404, "Not found")
        cloud, kind, action = match.groups()
        fields, data = _form(self.headers["Content-Type"], body)
        call |= {"kind": kind, "public_id": fields.get("public_id"), "invalidate": fields.get("invalidate") == "1"}
        account.authorise(cloud, fields)
        public_id = fields["public_id"]
        response = account.destroy(kind, public_id) if action == "destroy" else self._upload(kind, fields, data)
        call["status"] = 200
        if call["fault"] == "lost":
            self._reset()
        else:
            self._send_json(200, response)

    def _list(self, cloud: str, kind: str) -> None:
        """A page of the Admin API's resources."""
        account = self.server.account
        wanted = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        login = b64encode(f"{account.key}:{account.secret}".encode()).decode()
        if cloud != account.cloud or self.headers.get("Authorization", "").lower() != f"basic {login}".lower():
            raise Refusal(401, "Invalid credentials")
        self._send_json(200, account.listed(kind, **wanted))

    def _upload(self, kind: str, fields: dict[str, str], data: bytes) -> dict[str, Any]:
        account = self.server.account
        if not data:
            raise Refusal(400, "Empty file")
        if upload_id := self.headers.get("X-Unique-Upload-Id"):
            whole = account.with_part(upload_id, self.headers.get("Content-Range", ""), data)
            if whole is None:
                return {"done": False, "kind": "upload", "public_id": fields["public_id"], "bytes": len(data)}
            data = whole
        return account.store(kind, fields, data)

    def _deliver(self, call: dict[str, Any]) -> None:
        kind, transformations, public_id, extension = self._requested()
        stored = self.server.account.files.get((kind, public_id))
        if stored is None:
            raise Refusal(404, f"Resource not found - {public_id}")
        data, headers = stored.data, {"Content-Type": TYPES.get(extension, "application/octet-stream")}
        if kind == "video" and extension == "jpg":
            data = STILL + public_id.encode()
        for transformation in transformations:
            if transformation.startswith("fl_attachment"):
                name = transformation.partition(":")[2] or public_id.rpartition("/")[2]
                if "." in name:
                    raise Refusal(400, f"Invalid flag in transformation: {transformation}")
                headers["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
        status, data = self._part_of(call, data, headers)
        call["status"] = status
        self._send(status, data, headers, fault=call["fault"])

    def _requested(self) -> tuple[str, list[str], str, str]:
        """Resource type, transformations, public id and extension."""
        path = unquote(urlsplit(self.path).path)
        match = re.fullmatch(r"(?:/[^/]+)?/(image|video|raw)/upload/(.+)\.(\w+)", path)
        if match is None:
            raise Refusal(400, "Invalid URL")
        pieces = match[2].split("/")
        transformations = []
        while len(pieces) > 1 and TRANSFORMATION.fullmatch(pieces[0]):
            transformations.append(pieces.pop(0))
        if re.fullmatch(r"v\d+", pieces[0]):
            pieces.pop(0)
        return match[1], transformations, "/".join(pieces), match[3]

    def _part_of(self, call: dict[str, Any], data: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None or call["fault"] == "rangeless":
            return 200, data
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if call["fault"] == "shifted":
            first += 1
        if first > last:
            headers["Content-Range"] = f"bytes */{len(data)}"
            return 416, b""
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return 206, data[first : last + 1]

    def _send_json(self, status: int, response: Any) -> None:
        self._send(status, json.dumps(response).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, fault: str = "") -> None:
        self.send_response(status)
        if fault != "lengthless":
            headers["Content-Length"] = str(len(data))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if fault == "truncate":
            data, self.close_connection = data[: len(data) // 2], True
        if self.command != "HEAD":
            self.wfile.write(data)


def _form(content_type: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """The fields of a multipart form, and the bytes of its file."""
    boundary = b"--" + content_type.partition("boundary=")[2].encode()
    fields: dict[str, str] = {}
    data = b""
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name is not None
        if name[1] == b"file":
            data = value[:-2]
        else:
            fields[name[1].decode()] = value[:-2].decode()
    return fields, data


def main() -> None:
    parser = argparse.ArgumentParser(description="An account at Cloudinary, on this machine.")
    parser.add_argument("--port", type=int, default=0)
    with FakeCloudinary(port=parser.parse_args().port) as fake:
        sys.stdout.write(f"CLOUDINARY_URL={fake.cloudinary_url}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
