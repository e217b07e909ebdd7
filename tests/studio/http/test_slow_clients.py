"""Slow clients hold some threads of a web process, never all: the list of jobs keeps responding."""

import gc
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from studio.http import bodies, concurrency
from tests.running import RunningStudio, wait_for

THREADS = 8  # of the one web process below, so slow clients may hold 4
PLACES = 4
BUSY_WITH_DOWNLOADS = {
    "detail": "Too many files are being sent. Please try again in a moment.",
    "code": "too_many_downloads",
}
BUSY_WITH_UPLOADS = {
    "detail": "Too many files are being received. Please try again in a moment.",
    "code": "too_many_uploads",
}


@pytest.fixture
def one_place() -> Iterator[None]:
    concurrency.allow(threads=1)
    yield
    concurrency.allow(threads=64)


@pytest.fixture
def picture(db: None) -> Iterator[str]:
    """Closing a sent file closes old connections, also those of earlier tests: hence `db`."""
    name = default_storage.save("slow/picture.png", ContentFile(b"pixels"))
    yield f"/media/{name}"
    default_storage.delete(name)


@pytest.mark.parametrize("threads", [(64, 48), (16, 8), (8, 4), (1, 1)])
def test_some_threads_are_left(threads: tuple[int, int], one_place: None) -> None:
    number, places = threads

    concurrency.allow(threads=number)

    assert concurrency._permits._value == places


def test_file_too_many_waits_for_the_one_before(anonymous: Any, one_place: None, picture: str) -> None:
    first = anonymous.get(picture)
    second = anonymous.get(picture)
    head, page = anonymous.head(picture), anonymous.get("/healthz")
    sent = b"".join(first.streaming_content)
    first.close()
    first.close()
    third = anonymous.get(picture)
    fourth = anonymous.get(picture)  # closing the first one twice has freed one place, not two

    assert (second.status_code, second["Retry-After"], second.json()) == (503, "10", BUSY_WITH_DOWNLOADS)
    assert (head.status_code, page.status_code, sent) == (200, 200, b"pixels")
    assert (third.status_code, b"".join(third.streaming_content), fourth.status_code) == (200, b"pixels", 503)


def test_response_that_is_never_closed_frees_its_place(anonymous: Any, one_place: None, picture: str) -> None:
    answer = anonymous.get(picture)
    del answer
    gc.collect()  # Django's test client makes a circle of it

    again = anonymous.get(picture)

    assert again.status_code == 200
    again.close()


@pytest.mark.parametrize(("size", "status"), [(bodies.LARGE_BYTES + 1, 503), (100, 401)])
def test_large_body_too_many(anonymous: Any, one_place: None, picture: str, size: int, status: int) -> None:
    under_way = anonymous.get(picture)

    answer = anonymous.post("/api/v1/looks", b" " * size, content_type="application/json")
    under_way.close()
    afterwards = anonymous.post("/api/v1/looks", b" " * size, content_type="application/json")

    assert (answer.status_code, afterwards.status_code) == (status, 401)
    if status == 503:
        assert (answer["Retry-After"], answer["Connection"], answer.json()) == ("10", "close", BUSY_WITH_UPLOADS)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    folder: Path = tmp_path_factory.mktemp("slow")
    running = RunningStudio(folder, GUNICORN_CMD_ARGS=f"--workers 1 --threads {THREADS}", WEB_MAX_ACTIVE_REQUESTS="2")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ann(studio: RunningStudio) -> Iterator[httpx.Client]:
    with studio.client("ann@example.com") as client:
        yield client


def slow(studio: RunningStudio, client: httpx.Client, head: str) -> socket.socket:
    """A connection that has sent this much and reads next to nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", studio.port))
    lines = (head, "Host: 127.0.0.1", f"Authorization: {client.headers['Authorization']}")
    connection.sendall("\r\n".join((*lines, "", "")).encode())
    return connection


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(1000).split()[1])


def list_is_answered(client: httpx.Client) -> None:
    began = time.monotonic()
    statuses = [client.get("/api/v1/video-jobs").status_code for _ in range(5)]
    assert (statuses, time.monotonic() - began < 10) == ([200] * 5, True)  # it took as long as the slow ones


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.product
@pytest.mark.xdist_group("slow-clients")
def test_list_is_answered_while_everybody_downloads_slowly(studio: RunningStudio, ann: httpx.Client) -> None:
    job = ann.post("/api/v1/video-jobs", data={"mockMode": "true", "prompt": "a long video"}).json()["id"]
    assert [done["status"] for done in wait_for(ann, [job], seconds=60)] == ["SUCCEEDED"]
    os.truncate(studio.folder / "media" / "videos" / f"{job}.mp4", 64 * 1024**2)  # more than sockets take in
    path = f"/api/v1/video-jobs/{job}/download"

    with ExitStack() as stack:
        readers = [stack.enter_context(slow(studio, ann, f"GET {path} HTTP/1.1")) for _ in range(3 * THREADS)]
        statuses = sorted(status_of(reader) for reader in readers)
        list_is_answered(ann)
        refused = ann.get(path)

    assert statuses == [200] * PLACES + [503] * (3 * THREADS - PLACES)
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()) == (503, "10", BUSY_WITH_DOWNLOADS)
    wait_until_free(ann, path)


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.product
@pytest.mark.xdist_group("slow-clients")
def test_list_is_answered_while_everybody_uploads_slowly(studio: RunningStudio, ann: httpx.Client) -> None:
    head = "POST /api/v1/looks HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000"

    with ExitStack() as stack:
        senders = [stack.enter_context(slow(studio, ann, head)) for _ in range(3 * THREADS)]
        list_is_answered(ann)
        answered = refused_of(senders, number=3 * THREADS - PLACES)
        list_is_answered(ann)

    assert answered == [503] * (3 * THREADS - PLACES)


def refused_of(senders: list[socket.socket], *, number: int) -> list[int]:
    """The statuses of the responses so far; the server still reads from the other clients."""
    statuses: list[int] = []
    deadline = time.monotonic() + 30
    waiting = list(senders)
    while len(statuses) < number and time.monotonic() < deadline:
        for sender in list(waiting):
            sender.settimeout(0.05)
            try:
                statuses.append(status_of(sender))
            except TimeoutError:
                continue
            waiting.remove(sender)
    return statuses


def wait_until_free(client: httpx.Client, path: str) -> None:
    """A client that has disconnected holds no place."""
    deadline = time.monotonic() + 30
    while True:
        with client.stream("GET", path) as answer:
            if answer.status_code == 200:
                return
        assert time.monotonic() < deadline
        time.sleep(0.2)
