"""Requests that gunicorn refuses before Django sees them get the same error shape."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of gunicorn with our configuration, in front of an application that is never called."""
    folder: Path = tmp_path_factory.mktemp("server")
    (folder / "nothing.py").write_text("def application(environ, start_response):\n    raise AssertionError\n")
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--chdir", str(PROJECT), "--pythonpath", str(folder), "nothing"],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(folder), "HOST": "127.0.0.1", "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port
    server.terminate()
    server.wait(40)


@pytest.mark.parametrize(
    ("request_", "first_line", "code"),
    [
        (f"GET /?q={'x' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 414 URI Too Long", "uri_too_long"),
        (
            f"GET / HTTP/1.1\r\nHost: x\r\nX-Long: {'x' * 70_000}\r\n\r\n",
            "HTTP/1.1 431 Request Header Fields Too Large",
            "headers_too_large",
        ),
        ("GET / HTTP/1.1\r\nHost x <b>\r\n\r\n", "HTTP/1.1 400 Bad Request", "bad_request"),
    ],
)
def test_refused_in_json(port: int, request_: str, first_line: str, code: str) -> None:
    with socket.create_connection(("127.0.0.1", port), 30) as connection, connection.makefile("rb") as response:
        connection.sendall(request_.encode())
        head = [line.decode().strip() for line in iter(response.readline, b"\r\n")]
        length = next(int(line.split(": ")[1]) for line in head if line.startswith("Content-Length"))
        body = json.loads(response.read(length))

    assert (head[0], "Content-Type: application/json" in head, "Connection: close" in head) == (first_line, True, True)
    assert (sorted(body), body["code"], "<b>" in body["detail"]) == (["code", "detail"], code, False)
