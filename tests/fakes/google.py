"""A fake Google: Veo on the Gemini API and on Vertex AI, Omni's Interactions API, files and sign-in. Logs every call.

    python -m tests.fakes.google --port 9001 --seconds 5 --retired veo-3.1-generate-001,gemini-omni-1.1-flash

prints the variables that point the product at it. With `--real-uris` it names files by Google's own URIs, which a
product behind a gateway must request from the gateway. `GET /__books__` returns the calls and the accepted work;
`POST /__script__` schedules faults: [{"on": "submit", "fault": "503", "times": 2, "skip": 1}], and retires models:
[{"retired": ["gemini-omni-1.1-flash"]}]. Requests for a retired model get a 404.

`on` is `submit`, `poll`, `cancel`, `download`, `probe` or `token`. `fault` is an HTTP status in Google's JSON (`"bare":
true`: in HTML, as from a proxy), or one of `reset` (the connection, before anything is done), `lost` (done, but the
connection is reset instead of a response), `lost-429` and the like (done, but refused so), `hang`, `stall` (done, then
silence), `garbage` (200 and HTML), `empty` (200 and {}), `flood` (6 MB) and `reply` (200 and the JSON in `reply`); for
a download also `truncate`, `corrupt`, `drip`, `loop`, `redirect` (to another host) and `huge`. With `work`, `fault` is
the end of an accepted video: `error`, `filtered`, `filtered-count`, `nothing`, `never`, and for Omni `reply`.

Behaviour from google-genai 3.6.1 and the pages that docs/providers.md lists, read 2026-11.
"""

import argparse
import json
import re
import signal
import socket
import struct
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.fakes.google_account import RPC, WORDS, Account, Fault, Refusal
from tests.fakes.server import FakeServer

MODEL = r"(?:(?P<where>projects/[^/:]+/locations/[^/:]+)/)?(?:publishers/google/)?models/(?P<model>[^/:]+)"
FILE = r"(/download)?/v1beta/files/(\w+)(:download)?"
OBJECT = r"/storage/v1/b/[^/]+/o/(?:.+/)?(\w+)/sample_0.mp4"
# of the Interactions API: in the Gemini API, on Vertex AI with an express key, and with a project
INTERACTIONS = r"/(?P<version>v1beta1?)(?:/projects/[^/]+/locations/(?P<location>[^/]+))?/interactions"
GEMINI = "https://generativelanguage.googleapis.com"
TOKEN = "ya29.fake-token"
HTML = b"<html>It works!</html>"


class FakeGoogle(FakeServer):
    """Google on loopback; a context manager that serves in a thread."""

    def __init__(self, *, port: int = 0, **account: Any) -> None:
        super().__init__(port=port, handler=Handler)
        self.account = Account(**account)
        self.url += self.account.prefix
        self.account.url = self.url

    def script(self, on: str, fault: str, **more: Any) -> None:
        with self.account.lock:
            self.account.faults.append(Fault(on, fault, **more))


FLOOD = b"[" + b"1," * 3_000_000 + b"1]"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeGoogle
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Be silent: the account logs the calls."""

    def parse_request(self) -> bool:
        """Remove a gateway's prefix; a path without it matches no endpoint."""
        prefix = self.server.account.prefix
        is_whole = super().parse_request()
        if is_whole and not self.path.startswith(prefix):
            self.path = f"/outside{self.path}"
        elif is_whole:
            self.path = self.path.removeprefix(prefix)
        return is_whole

    def do_GET(self) -> None:
        account = self.server.account
        path = unquote(urlsplit(self.path).path)
        if path == "/__books__":
            self._send_json(200, account.as_json())
        elif (match := re.fullmatch(FILE, path)) and "alt=media" in self.path:
            act = self._deliver if match[1] else self._redirect
            self._play("download", {}, lambda fault: act(match[2], fault), on="download" if match[1] else "")
        elif (match := re.fullmatch(OBJECT, path)) and "alt=media" in self.path:
            self._play("download", {}, lambda fault: self._deliver(match[1], fault))
        elif re.fullmatch(f"{FILE}|{OBJECT}", path):
            self._play("metadata", {}, lambda fault: self._send_json(200, {"mimeType": "video/mp4", "uri": path}))
        elif match := re.fullmatch(rf"{INTERACTIONS}/(?P<name>\w+)|/v1beta/(models/[^/]+/operations/\w+)", path):
            self._play("poll", {}, lambda fault: self._send_json(200, account.poll(match["name"] or match[4])))
        elif re.fullmatch(r"/v1beta1?/(?:publishers/google/)?models", path):
            self._play("probe", {}, lambda fault: self._send_json(200, account.models()))
        elif match := re.fullmatch(r"/v1beta1?/((?:publishers/google/)?models/([^/]+))", path):
            self._play("probe", {}, lambda fault: self._send_json(200, account.model(match[1], match[2])))
        else:
            self._play("stray", {}, lambda fault: self._send_json(404, {}))

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if path == "/token":
            response = {"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            self._play("token", {}, lambda fault: self._send_json(200, response))
            return
        body = json.loads(data or b"{}")
        if path == "/__script__":
            for order in body if isinstance(body, list) else [body]:
                if "retired" in order:
                    self.server.account.retired = set(order["retired"])
                else:
                    self.server.script(**order)
            self._send_json(200, {"faults": len(self.server.account.faults)})
        elif match := re.fullmatch(rf"/v1beta1/{MODEL}:fetchPredictOperation", path):
            poll = self.server.account.poll
            self._play("poll", body, lambda fault: self._send_json(200, poll(body["operationName"])))
        elif match := re.fullmatch(rf"/(?P<version>v1beta1?)/{MODEL}:predictLongRunning", path):
            backend = "vertex" if match["version"] == "v1beta1" else "gemini"
            self._play("submit", body, lambda fault: self._accept(backend, match["where"], match["model"], body, fault))
        elif match := re.fullmatch(INTERACTIONS, path):
            backend = "omni-vertex" if match["version"] == "v1beta1" else "omni"
            where = match["location"] or ""
            self._play("submit", body, lambda fault: self._accept(backend, where, body["model"], body, fault))
        else:
            self._cancel(path, body)

    def _cancel(self, path: str, body: Any) -> None:
        cancel = self.server.account.cancel
        if match := re.fullmatch(rf"{INTERACTIONS}/(?P<name>\w+)/cancel", path):
            self._play("cancel", body, lambda fault: self._send_json(200, cancel(match["name"])))
        else:
            self._play("stray", body, lambda fault: self._send_json(404, {}))

    def _play(self, action: str, body: Any, act: Callable[[Fault], None], *, on: str | None = None) -> None:
        """Log the call, and play the next scripted fault or handle the request."""
        fault = self.server.account.next_fault(action if on is None else on)
        key = self.headers.get("x-goog-api-key") or self.headers.get("Authorization")
        call = {"action": action, "path": self.path, "body": body, "key": key, "fault": fault.fault}
        with self.server.account.lock:
            self.server.account.calls.append(call)
        if fault.fault == "reset":
            self._reset()
        elif fault.fault == "hang":
            self.close_connection = True
            self.server.stopping.wait(60)
        elif reply := self._odd_reply(fault, action):
            self._send(*reply)
        elif fault.fault.isdecimal():
            self._refuse(Refusal(int(fault.fault), fault.message, fault.reason, fault.quota), bare=fault.bare)
        else:
            try:
                self._check_key(key, action)
                act(fault)
            except Refusal as exc:
                self._refuse(exc)

    def _odd_reply(self, fault: Fault, action: str) -> tuple[int, bytes, dict[str, str]] | None:
        replies = {
            "empty": (200, b"{}", {"Content-Type": "application/json"}),
            "flood": (200, FLOOD, {"Content-Type": "application/json"}),
            "reply": (200, json.dumps(fault.reply).encode(), {"Content-Type": "application/json"}),
            "redirect": (302, b"", {"Location": f"http://localhost:{self.server.server_port}/stray"}),
        }
        if action != "submit":
            replies["garbage"] = 200, HTML, {"Content-Type": "text/html"}
        return replies.get(fault.fault)

    def _check_key(self, key: str | None, action: str) -> None:
        if not key and action != "token":
            raise Refusal(403, "Method doesn't allow unregistered callers.")

    def _accept(self, backend: str, where: str, model: str, body: dict[str, Any], fault: Fault) -> None:
        work = self.server.account.accept(backend, where, model, body)
        if fault.fault.startswith("lost-"):
            raise Refusal(int(fault.fault.removeprefix("lost-")), fault.message)
        if fault.fault == "lost":
            self._reset()
        elif fault.fault == "stall":
            self.close_connection = True
            self.server.stopping.wait(60)
        elif fault.fault == "garbage":
            self._send(200, HTML, {"Content-Type": "text/html"})
        else:
            self._send_json(200, self.server.account.receipt(work))

    def _redirect(self, file_id: str, fault: Fault) -> None:
        """Redirect as Google does: its file URLs lead to another of its URLs."""
        account = self.server.account
        to = f"{account.files_at or account.url}/download/v1beta/files/{file_id}:download?alt=media"
        self._send(302, b"", {"Location": to})

    def _deliver(self, file_id: str, fault: Fault) -> None:
        data = self.server.account.file(file_id)
        headers = {"Content-Type": "video/mp4"}
        if fault.fault == "loop":
            self._send(302, b"", {"Location": self.path})
        elif fault.fault == "corrupt":
            self._send(200, bytes(len(data)), headers)
        elif fault.fault == "truncate":
            self.close_connection = True
            self._send(200, data[: len(data) // 2], headers, length=len(data))
        elif fault.fault == "huge":
            self.close_connection = True
            self._send(200, data, headers, length=10**12)
        elif fault.fault == "drip":
            self._send(200, b"", headers, length=len(data))
            for at in range(0, len(data), len(data) // 8):
                self.server.stopping.wait(fault.seconds)
                self.wfile.write(data[at : at + len(data) // 8])
        else:
            self._send(200, data, headers)

    def _refuse(self, exc: Refusal, *, bare: bool = False) -> None:
        if bare:
            self._send(exc.status, HTML, {"Content-Type": "text/html"})
            return
        if "/interactions" in self.path:
            code = exc.reason or WORDS.get(exc.status, "api_error")
            error: dict[str, Any] = {"code": code, "message": str(exc)}
        else:
            error = {"code": exc.status, "message": str(exc), "status": RPC.get(exc.status, "UNKNOWN")}
            if exc.reason:
                kind = "type.googleapis.com/google.rpc.ErrorInfo"
                error["details"] = [{"@type": kind, "reason": exc.reason, "domain": "googleapis.com"}]
        if exc.quota:
            kind = "type.googleapis.com/google.rpc.QuotaFailure"
            error["details"] = [{"@type": kind, "violations": [{"quotaId": exc.quota}]}]
        self._send_json(exc.status, {"error": error})

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()  # it holds the socket open
        self.connection.close()

    def _send_json(self, status: int, response: Any) -> None:
        self._send(status, json.dumps(response).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status: int, data: bytes, headers: dict[str, str], *, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(data) if length is None else length)}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    parser = argparse.ArgumentParser(description="Google's video models, on this machine.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5, help="how long a video takes")
    parser.add_argument("--real-uris", action="store_true", help="name files by Google's own URIs")
    parser.add_argument("--retired", default="", help="retired models, comma separated")
    arguments = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # for sigwait, and in every thread
    real = {"omni_gives_urls": True, "files_at": GEMINI} if arguments.real_uris else {}
    retired = set(arguments.retired.split(","))
    with FakeGoogle(port=arguments.port, work_seconds=arguments.seconds, retired=retired, **real) as fake:
        for backend in ("GEMINI", "VERTEX"):
            sys.stdout.write(f"GOOGLE_{backend}_BASE_URL={fake.url}\n{backend}_API_KEY=fake-key\n")
        sys.stdout.flush()
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
