"""One attempt ends in time whatever the receiver does, and the certificate has to be the name's."""

import datetime
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.receiver import FakeReceiver
from tests.fakes.trickle import KINDS, TricklingServer
from videos.webhooks import client

NAME = "hooks.example.com"


@pytest.fixture(autouse=True)
def _private(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with FakeReceiver() as receiver:
        yield receiver


def test_message_arrives_as_it_is(receiver: FakeReceiver) -> None:
    status = client.post(url=f"{receiver.url}/a/b?c=d%20e", body='{"é":1}'.encode(), headers={"webhook-id": "msg_1"})

    [message] = receiver.messages
    assert (status, message.path, message.text, message.id) == (204, "/a/b?c=d%20e", '{"é":1}', "msg_1")
    assert message.headers["host"] == receiver.url.removeprefix("http://")
    assert "authorization" not in message.headers


@pytest.mark.parametrize("status", [200, 299, 301, 400, 410, 500])
def test_status_is_returned(receiver: FakeReceiver, status: int) -> None:
    receiver.account.otherwise = status

    assert client.post(url=receiver.url, body=b"{}", headers={}) == status


def test_receiver_that_hangs_is_left_in_time(receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.4)
    receiver.account.otherwise = "hang"
    began = time.monotonic()

    with pytest.raises(client.SendFailed, match="No response within"):
        client.post(url=receiver.url, body=b"{}", headers={})

    assert 0.3 < time.monotonic() - began < 5


@pytest.mark.parametrize("kind", KINDS)
def test_response_that_never_ends_is_left_in_time(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte every 20 ms is faster than every time-out of a socket."""
    monkeypatch.setattr(client, "SECONDS", 0.5)
    began = time.monotonic()

    with TricklingServer(kind) as server:
        try:
            outcome: Any = client.post(url=server.url, body=b"{}", headers={})
        except client.SendFailed as exc:
            outcome = str(exc)

    assert time.monotonic() - began < 5
    has_status = kind in {"body", "chunk sizes", "chunks"}
    assert outcome == 200 if has_status else outcome in {"No response within 0.5 s.", client.BROKEN}


def test_connection_that_breaks_is_a_failure(receiver: FakeReceiver) -> None:
    receiver.account.otherwise = "reset"

    with pytest.raises(client.SendFailed, match="broke"):
        client.post(url=receiver.url, body=b"{}", headers={})


def test_port_without_a_server_is_a_failure() -> None:
    with pytest.raises(client.SendFailed, match="refused"):
        client.post(url="http://127.0.0.1:9/", body=b"{}", headers={})


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes a server's TLS context for a name, by an authority that this process trusts; resolves NAME to loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("authority", key, "authority", key, is_authority=True)
    (tmp_path / "root.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    client._trusted.cache_clear()
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1" if host == NAME else host, *rest, **more)
    )

    def context_for(name: str) -> ssl.SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        path = tmp_path / "server.pem"
        path.write_bytes(
            _certificate(name, own, "authority", key).public_bytes(serialization.Encoding.PEM)
            + own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    yield context_for
    client._trusted.cache_clear()


def _certificate(name: str, key: Any, issuer: str, by: Any, *, is_authority: bool = False) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(by, hashes.SHA256())
    )


def test_certificate_of_the_name_is_accepted(authority: Any) -> None:
    asked: list[Any] = []
    context = authority(NAME)
    context.sni_callback = lambda sock, name, context: asked.append(name)

    with FakeReceiver(context=context) as receiver:
        status = client.post(url=f"https://{NAME}:{receiver.server_port}/", body=b"{}", headers={})

    assert (status, asked) == (204, [NAME])
    assert receiver.messages[0].headers["host"] == f"{NAME}:{receiver.server_port}"


def test_certificate_of_another_name_is_refused(authority: Any) -> None:
    with (
        FakeReceiver(context=authority("other.example.com")) as receiver,
        pytest.raises(client.SendFailed, match="TLS failed: Hostname mismatch"),
    ):
        client.post(url=f"https://{NAME}:{receiver.server_port}/", body=b"{}", headers={})

    assert receiver.messages == []


def test_certificate_of_an_unknown_authority_is_refused(authority: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    client._trusted.cache_clear()

    with (
        FakeReceiver(context=authority(NAME)) as receiver,
        pytest.raises(client.SendFailed, match=r"TLS failed: .*issuer"),
    ):
        client.post(url=f"https://{NAME}:{receiver.server_port}/", body=b"{}", headers={})
