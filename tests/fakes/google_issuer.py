"""A fake of Google's sign-in: its key server, ID tokens, and the page on which a user chooses an account.

The form of keys and tokens is Google's: https://developers.google.com/identity/openid-connect/openid-connect, and the
responses of https://www.googleapis.com/oauth2/v1/certs, read 2026-11.
"""

import html
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.fakes.server import FakeServer

CLIENT_ID = "web.apps.googleusercontent.com"
OTHER_CLIENT_ID = "phone.apps.googleusercontent.com"


@cache
def private_key(name: str) -> Any:
    """A key pair, made once a run; RSA unless the name begins with "ec"."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


@cache
def certificate(name: str) -> str:
    """The X.509 certificate of a key, in PEM."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
    key, now = private_key(name), datetime.now(UTC)
    built = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=14))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


class FakeIssuer(FakeServer):
    """A context manager that serves in a thread. `fault` scripts the key server, `user` is who signs in on its page."""

    def __init__(self) -> None:
        super().__init__(port=0, handler=Handler)
        self.account = SimpleNamespace(calls=[], lock=threading.Lock())
        self.certs_url, self.authorization_url = f"{self.url}/certs", f"{self.url}/auth"
        self.keys = ["key-1", "key-2"]
        self.cache_control = "public, max-age=20000, must-revalidate, no-transform"
        self.fault = ""  # a status, "garbage", "list", "no certificates", "long" or "hang"
        self.user: dict[str, Any] = {}  # claims that differ from the usual ones
        self.may_respond = threading.Event()  # ends "hang"

    @property
    def fetches(self) -> int:
        """How many times the keys were fetched."""
        return len(self.calls("/certs"))

    def token(self, *, key: str = "key-1", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An ID token with Google's usual claims, except for those given; None leaves one out."""
        now = int(time.time())
        usual = {
            "iss": "https://accounts.google.com",
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": "110169484474386276334",
            "email": "ann@example.com",
            "email_verified": True,
            "nbf": now - 300,
            "iat": now,
            "exp": now + 3600,
            "jti": "161803398874d2718281828459045",
        }
        payload = {name: value for name, value in (usual | self.user | claims).items() if value is not None}
        algorithm = "ES256" if key.startswith("ec") else "RS256"
        return jwt.encode(payload, private_key(key), algorithm, headers={"kid": key} | (header or {}))

    def __exit__(self, *exc: object) -> None:
        self.may_respond.set()
        super().__exit__(*exc)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: FakeIssuer

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Be silent: `calls` has the requests."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with self.server.account.lock:
            self.server.account.calls.append({"action": url.path, **query})
        if url.path == "/certs":
            self._certs()
        elif url.path == "/auth":
            self._page(query)
        else:
            self._send(404, b"")

    def _certs(self) -> None:
        fault = self.server.fault
        if fault == "hang":
            self.server.may_respond.wait(30)
        content: Any = {name: certificate(name) for name in self.server.keys}
        if fault == "list":
            content = list(content.values())
        elif fault == "no certificates":
            content = dict.fromkeys(content, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        elif fault == "long":
            content["more"] = "x" * 100_000
        elif fault == "deep":
            self._send(200, b"[" * 60_000)
            return
        body = b"<html>not JSON" if fault == "garbage" else json.dumps(content).encode()
        self._send(int(fault) if fault.isdecimal() else 200, body, {"Cache-Control": self.server.cache_control})

    def _page(self, query: dict[str, str]) -> None:
        """The page on which the user chooses an account: a form that it posts, or by default a link with a fragment."""
        usual = {"response_type": "id_token", "scope": "openid email"}
        assert {name: query[name] for name in usual} == usual
        token = self.server.token(aud=query["client_id"], nonce=query["nonce"])
        fields = {"state": query["state"], "id_token": token}
        hidden = "".join(
            f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in fields.items()
        )
        action = html.escape(query["redirect_uri"])
        if "response_mode" not in query:
            link = f'<a href="{action}#{html.escape(urlencode(fields))}">Ann</a>'
            self._send(200, link.encode(), {"Content-Type": "text/html"})
            return
        assert query["response_mode"] == "form_post"
        form = f'<form method="post" action="{action}">{hidden}<button>Ann</button></form>'
        self._send(200, form.encode(), {"Content-Type": "text/html"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
