"""TLS failures of a storage are retryable, and staff see the reason."""

import contextlib
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET, create_server, socket
from typing import NamedTuple

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.base import ContentFile

from operations import health_checks
from studio.media.storage import tls_errors
from studio.media.storage.base import StorageError, Timeouts
from studio.media.storage.cloudinary import CloudinaryStorage
from studio.observability.health import Health

HOST = "localhost"
TIMEOUTS = Timeouts(connect=0.5, response=0.5, video_response=0.5, retry_pauses=(), retry_seconds=0)
NOW = datetime.now(UTC)


class Issued(NamedTuple):
    """A certificate and its key, in a file."""

    path: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def issued(folder: Path, name: str, *, host: str = HOST, days: tuple[int, int] = (-1, 1), by: Issued | None) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(
            issuer_name=by.certificate.subject if by else subject,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=NOW + timedelta(days=days[0]),
            not_valid_after=NOW + timedelta(days=days[1]),
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return Issued(path, certificate, key)


@contextmanager
def server(meet: Callable[[socket], None]) -> Iterator[str]:
    """The origin of one that meets each connection so."""
    with create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    with contextlib.suppress(OSError):  # the client does not trust us
                        meet(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://{HOST}:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def shakes_hands_as(one: Issued) -> Callable[[socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(one.path)

    def meet(connection: socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1)

    return meet


def hangs(connection: socket) -> None:
    connection.settimeout(60)
    while connection.recv(1024):  # until the client gives up
        pass


def resets(connection: socket) -> None:
    connection.recv(1)
    connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))


def is_not_encrypted(connection: socket) -> None:
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Issued:
    return issued(folder, "authority", by=None)


@pytest.mark.parametrize(
    ("host", "days", "says"),
    [
        (HOST, (-9, -1), "its certificate has expired, or the clock of this machine is wrong"),
        (HOST, (1, 9), "its certificate is not valid yet, or the clock of this machine is wrong"),
        ("other.example", (-1, 1), "its certificate is for another host; see the hosts in CLOUDINARY_URL"),
    ],
)
def test_bad_certificate_is_named(folder: Path, authority: Issued, host: str, days: tuple[int, int], says: str) -> None:
    meet = shakes_hands_as(issued(folder, "storage", host=host, days=days, by=authority))
    trusting = urllib3.PoolManager(ca_certs=str(authority.path))
    with server(meet) as origin, trusting as pool, pytest.raises(urllib3.exceptions.HTTPError) as refused:
        pool.request("GET", origin, retries=1)

    assert tls_errors.explain(refused.value).startswith(f"{says}; ")


def storage_at(origin: str) -> CloudinaryStorage:
    return CloudinaryStorage(
        cloud_name="demo",
        api_key="key",
        api_secret="secret",
        upload_prefix=origin,
        secure_distribution=origin,
        timeouts=TIMEOUTS,
    )


@pytest.fixture(params=["unknown authority", "hangs", "resets", "not encrypted"])
def broken(request: pytest.FixtureRequest, folder: Path, authority: Issued) -> Iterator[tuple[CloudinaryStorage, str]]:
    """A storage whose handshake fails, and the reason for staff."""
    stranger = shakes_hands_as(issued(folder, "stranger", by=authority))
    meet, words = {
        "unknown authority": (stranger, "its certificate is signed by an unknown authority"),
        "hangs": (hangs, "timed out"),
        "resets": (resets, "Connection reset by peer"),
        "not encrypted": (is_not_encrypted, "no encrypted connection could be made"),
    }[request.param]
    with server(meet) as origin:
        yield storage_at(origin), words


@pytest.mark.slow
def test_failed_handshake_is_passing_for_every_call(broken: tuple[CloudinaryStorage, str]) -> None:
    storage, words = broken
    calls: tuple[Callable[[], object], ...] = (
        lambda: storage.save("videos/1.mp4", ContentFile(b"video")),
        lambda: storage.size("videos/1.mp4"),
        lambda: storage.open("videos/1.mp4").read(),
        lambda: storage.delete("videos/1.mp4"),
    )

    for call in calls:
        with pytest.raises(StorageError, match=words) as failed:
            call()
        assert failed.value.retryable


@pytest.mark.slow
def test_doctor_says_why(broken: tuple[CloudinaryStorage, str], monkeypatch: pytest.MonkeyPatch) -> None:
    storage, words = broken
    monkeypatch.setattr("operations.health_checks.media_storage", lambda: storage)

    finding = health_checks._storage()

    assert (finding.health, words in finding.sentence) == (Health.DOWN, True)
    assert finding.sentence.endswith(" See CLOUDINARY_URL.")
