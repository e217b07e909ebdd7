"""Clients that send nothing, or stop half-way, hold no thread of a web process and keep no other client out."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from studio.arrivals import size_of
from studio.embedded import free_port
from studio.env import PROJECT

THREADS, CONNECTIONS = 4, 40
ARRIVAL_SECONDS = 3
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
APPLICATION = f"""
from studio import arrivals
arrivals.ARRIVAL_SECONDS = {ARRIVAL_SECONDS}

def application(environ, start_response):
    environ["wsgi.input"].read(9)
    start_response("200 OK", [("Content-Length", "0")])  # so that a response is one packet
    return []
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The port and the process of gunicorn with our worker class, in front of an application that reads."""
    folder: Path = tmp_path_factory.mktemp("server")
    (folder / "reader.py").write_text(APPLICATION)
    (folder / "none.py").touch()  # else ours would be read
    port = free_port()
    argv = [
        "--pythonpath",
        str(folder),
        "--config",
        str(folder / "none.py"),
        "--bind",
        f"127.0.0.1:{port}",
        "--no-control-socket",
    ]
    argv += ["--worker-class", "studio.arrivals.ArrivalWorker", "--threads", str(THREADS), "--keep-alive", "75"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *argv, "--worker-connections", str(CONNECTIONS), "reader"],
        cwd=PROJECT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "studio.settings", "DATA_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port, process.pid
    process.terminate()
    process.wait(40)


def said(connection: socket.socket, data: bytes) -> bytes:
    """The first line of the response; b"" where the server closes without one."""
    connection.sendall(data)
    return connection.recv(65536).partition(b"\r\n")[0]


def opened(stack: ExitStack, port: int, *, number: int, data: bytes) -> list[socket.socket]:
    connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 20)) for _ in range(number)]
    for connection in connections:
        connection.sendall(data)
    return connections


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (GET[:-2], 0),
        (b"\r\n\r\n", 0),  # one empty line may come first, and gunicorn skips it
        (GET, len(GET)),
        (GET + b"GET", len(GET)),
        (POST + b"12", len(POST) + 9),
        (POST.replace(b"Content-L", b"CONTENT-l") + b"12", len(POST) + 9),
        (POST.replace(b" 9", b" 65537"), len(POST) + 4),
        (POST.replace(b"Host: x", b"Expect: 100-continue"), len(POST) + 13),
        (POST.replace(b" 9", b" many"), len(POST) + 3),
    ],
)
def test_thread_needs_a_head_and_a_small_body(data: bytes, size: int) -> None:
    assert size_of(data) == size


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("data", [b"", b"G", GET[:-1], POST, POST + b"12345678"])
def test_unfinished_requests_hold_no_thread(server: tuple[int, int], data: bytes) -> None:
    port, _ = server
    with ExitStack() as stack:
        opened(stack, port, number=THREADS * 3, data=data)
        [other] = opened(stack, port, number=1, data=b"")
        other.settimeout(ARRIVAL_SECONDS - 1)  # the server gives up none of them before

        assert said(other, GET) == b"HTTP/1.1 200 OK"


@pytest.mark.slow
@pytest.mark.once
def test_request_that_does_not_arrive_in_time_is_given_up(server: tuple[int, int]) -> None:
    port, _ = server
    with ExitStack() as stack:
        silent, half, part, whole = opened(stack, port, number=4, data=b"")
        half.sendall(GET[:-1])
        part.sendall(POST)
        first = said(whole, POST + b"123456789" + GET[:9])

        found = [said(connection, b"") for connection in (silent, half, part, whole)]

    assert first == b"HTTP/1.1 200 OK"
    assert found == [b"", *[b"HTTP/1.1 408 Request Timeout"] * 3]


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("data", [b"", GET[:-1], GET])
def test_oldest_connection_makes_room(server: tuple[int, int], data: bytes) -> None:
    port, process_id = server
    worker = psutil.Process(process_id).children()[0]
    with ExitStack() as stack:
        opened(stack, port, number=CONNECTIONS * 3, data=data)
        [other] = opened(stack, port, number=1, data=b"")

        assert said(other, GET) == b"HTTP/1.1 200 OK"
        assert worker.num_fds() < CONNECTIONS * 2

    assert psutil.Process(process_id).children() == [worker]


@pytest.mark.slow
@pytest.mark.once
def test_worker_without_file_descriptors_lives_on(server: tuple[int, int]) -> None:
    port, process_id = server
    worker = psutil.Process(process_id).children()[0]
    before = worker.rlimit(psutil.RLIMIT_NOFILE)
    worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 8, before[1]))
    try:
        with ExitStack() as stack:
            opened(stack, port, number=CONNECTIONS, data=b"")
            [other] = opened(stack, port, number=1, data=b"")

            assert said(other, GET) == b"HTTP/1.1 200 OK"
    finally:
        worker.rlimit(psutil.RLIMIT_NOFILE, before)
    assert psutil.Process(process_id).children() == [worker]
