"""A real web process, with a storage service that takes connections and never replies, and with odd connections."""

import io
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.running import RunningStudio

LOOKS = "/api/v1/looks"
SLOTS = 2
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.product, pytest.mark.xdist_group("web-process")]


@pytest.fixture(scope="module")
def hung_storage() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, hung_storage: str) -> Iterator[RunningStudio]:
    folder: Path = tmp_path_factory.mktemp("web")
    running = RunningStudio(
        folder,
        GUNICORN_CMD_ARGS="--workers 1 --threads 32",
        WEB_MAX_ACTIVE_REQUESTS=str(SLOTS),
        CLOUDINARY_URL=f"cloudinary://key:secret@demo?upload_prefix={hung_storage}",
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ann(studio: RunningStudio) -> Iterator[httpx.Client]:
    with studio.client("ann@example.com") as client:
        yield client


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    return out.getvalue()


def test_storage_that_hangs_holds_up_its_own_uploads_alone(studio: RunningStudio, ann: httpx.Client) -> None:
    def upload(number: int) -> int:
        files = {"generatedImage": ("a.png", picture(), "image/png")}
        headers = {"Authorization": ann.headers["Authorization"]}
        return httpx.post(
            f"{studio.url}{LOOKS}", data={"title": "x"}, files=files, headers=headers, timeout=120
        ).status_code

    with ThreadPoolExecutor(10) as pool, studio.client("ben@example.com") as ben:
        uploads = [pool.submit(upload, number) for number in range(10)]
        time.sleep(1)
        began = time.monotonic()
        statuses = [ben.get(path).status_code for path in ("/healthz", "/api/v1/tokens", "/api/v1/looks") * 5]
        seconds = time.monotonic() - began
        under_way = sum(not upload.done() for upload in uploads)
        found = sorted(upload.result(150) for upload in uploads)

    assert statuses == [200] * 15
    assert (under_way, found) == (8, [429, 429] + [503] * 8)
    assert seconds < 25  # they waited for the uploads, which take 30 s


def answers_to(studio: RunningStudio, data: bytes, *, number: int) -> list[bytes]:
    """The statuses of the responses on one connection."""
    with socket.create_connection(("127.0.0.1", studio.port), 30) as connection:
        connection.sendall(data)
        received = b""
        while received.count(b"HTTP/1.1 ") < number and (more := connection.recv(65536)):
            received += more
    return re.findall(rb"HTTP/1\.1 (\d+)", received)  # a body ends without a line break


def post(path: str, body: bytes, *headers: str, length: int = -1) -> bytes:
    announced = len(body) if length < 0 else length
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers)
    return "\r\n".join((*lines, f"Content-Length: {announced}", "", "")).encode() + body


@pytest.mark.parametrize("size", [2, 5_000, 15_000])
def test_pipelined_requests_are_all_answered(studio: RunningStudio, size: int) -> None:
    body = b'{"refresh": "%s"}' % (b"x" * size)
    unread = post("/api/v1/looks", body)  # refused without a token, before its body is read

    found = answers_to(studio, HEALTH + post("/api/v1/auth/token/revoke", body) + unread + HEALTH * 20, number=23)

    assert found == [b"200", b"401", b"401"] + [b"200"] * 20


def test_body_that_waits_to_be_asked_for_is_asked_for_when_it_is_read(studio: RunningStudio) -> None:
    expect = "Expect: 100-continue"
    refused = answers_to(studio, post("/api/v1/looks", b"", expect, length=99), number=1)
    too_large = answers_to(studio, post("/api/v1/auth/token", b"", expect, length=60_000), number=1)
    wanted = answers_to(studio, post("/api/v1/auth/token", b"{}", expect), number=2)

    assert (refused, too_large, wanted) == ([b"401"], [b"413"], [b"100", b"400"])


def test_client_that_was_not_asked_is_not_waited_for(studio: RunningStudio) -> None:
    with socket.create_connection(("127.0.0.1", studio.port), 30) as connection:
        connection.sendall(post("/api/v1/looks", b"", "Expect: 100-continue", length=99))
        received = b"".join(iter(lambda: connection.recv(65536), b""))  # until the server closes

    assert received.count(b"HTTP/1.1 ") == 1


def test_connection_with_a_long_unread_body_is_said_to_end(studio: RunningStudio) -> None:
    """Else its client sends the next request on it, and gets no response."""
    with socket.create_connection(("127.0.0.1", studio.port), 30) as connection:
        connection.sendall(post("/api/v1/looks", b"x" * 200_000).replace(b"POST", b"GET", 1))
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b"HTTP/1.1 401 " in received
    assert b"Connection: close" in received


def test_response_reaches_a_client_that_sends_on(studio: RunningStudio) -> None:
    with socket.create_connection(("127.0.0.1", studio.port), 30) as connection:
        connection.sendall(post("/api/v1/auth/token", b"", length=50_000_000))
        for _ in range(50):
            connection.sendall(b"x" * 400_000)  # before it reads the response
        received = connection.recv(65536)

    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/tokens", "/docs", "/", "/openapi.json"])
def test_head_has_the_length_and_no_body(studio: RunningStudio, path: str) -> None:
    url, plain = f"{studio.url}{path}", {"Accept-Encoding": "identity"}
    head, page = httpx.head(url, headers=plain), httpx.get(url, headers=plain)

    assert (head.status_code, head.headers["Content-Length"]) == (page.status_code, page.headers["Content-Length"])
    assert "sent body bytes" not in studio.output()
