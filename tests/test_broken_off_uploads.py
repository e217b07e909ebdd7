"""Uploads that break off, against the running product: from a client that disconnects, directly and through nginx."""

import json
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from operations.local.valkey import free_port
from studio.http.bodies import IncompleteBody
from tests.deployment.nginx import NGINX
from tests.running import RunningStudio

CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 52m;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_request_buffering off;
        }}
    }}
}}
"""
BOUNDARY = "BB"
IMAGE = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="initialImage"; filename="a.png"\r\n'
    f"Content-Type: image/png\r\n\r\n".encode()
)
FIELDS = {"mockMode": "true", "prompt": "[mock:slow=40] A long red dress of silk", "durationSeconds": "4"}

pytestmark = [pytest.mark.slow, pytest.mark.once, pytest.mark.product, pytest.mark.xdist_group("broken-off")]


def form() -> bytes:
    """Larger than what arrives together with the headers."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in FIELDS.items()
    ]
    return b"".join([*parts, IMAGE, b"\x89PNG" + bytes(200_000), f"\r\n--{BOUNDARY}--\r\n".encode()])


BODY = form()
CUTS = {
    "no body": 0,
    "in the prompt": BODY.find(b"silk"),
    "before the image": BODY.find(b"initialImage") - 9,
    "half of the image": len(BODY) // 2,
    "before the closing boundary": BODY.rfind(b"--BB--"),
    "the last byte": len(BODY) - 1,
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    running = RunningStudio(tmp_path_factory.mktemp("broken-off"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ann(studio: RunningStudio) -> Iterator[httpx.Client]:
    with studio.client("ann@example.com") as client:
        yield client


@pytest.fixture(scope="module")
def proxy(studio: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an nginx that forwards each byte at once."""
    if NGINX is None:
        pytest.skip(
            "NO NGINX: UPLOADS THAT BREAK OFF BEHIND A PROXY ARE NOT TESTED (on Debian: apt install nginx-light)"
        )
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, port=port, upstream=studio.port))
    server = subprocess.Popen(
        [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
        stderr=subprocess.DEVNULL,
    )
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield port
    server.terminate()
    server.wait(10)


def begun(port: int, client: httpx.Client, body: bytes, **headers: str) -> socket.socket:
    """A connection that has sent this much of the form."""
    connection = socket.create_connection(("127.0.0.1", port), 30)
    lines = {
        "Host": "127.0.0.1",
        "Authorization": client.headers["Authorization"],
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(BODY)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"POST /api/v1/video-jobs HTTP/1.1\r\n{head}\r\n".encode() + body)
    return connection


def go_away(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def state(studio: RunningStudio, client: httpx.Client) -> dict[str, Any]:
    """Rows and files that a request could leave behind."""
    return {
        "jobs": client.get("/api/v1/video-jobs").json()["total"],
        "ledger": client.get("/api/v1/tokens/ledger").json()["total"],
        "files": sorted((studio.folder / "media" / "inputs").glob("*")),
    }


def logged_refusals(studio: RunningStudio, *, ids: str) -> int:
    """The number of refused requests with this prefix of an id; a line follows a moment after the response."""
    lines = studio.output().splitlines()
    return sum(
        "method=POST path=/api/v1/video-jobs status=400" in line and f"request_id={ids}-" in line for line in lines
    )


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("through", ["directly", "nginx"])
def test_client_that_goes_away_has_ordered_nothing(
    studio: RunningStudio, ann: httpx.Client, request: pytest.FixtureRequest, through: str, how: str
) -> None:
    port: int = request.getfixturevalue("proxy") if through == "nginx" else studio.port
    before, ids = state(studio, ann), f"{through}-{how}"

    for number, cut in enumerate(CUTS.values()):
        connection = begun(port, ann, BODY[:cut], **{"X-Request-ID": f"{ids}-{number}"})
        time.sleep(0.2)  # the proxy has received and forwarded all of it
        go_away(connection, how)

    deadline = time.monotonic() + 30
    while logged_refusals(studio, ids=ids) < len(CUTS) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert logged_refusals(studio, ids=ids) == len(CUTS)
    assert state(studio, ann) == before
    assert [line for line in studio.output().splitlines() if "Traceback" in line or " ERROR " in line] == []


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_client_that_still_listens_gets_a_400(studio: RunningStudio, ann: httpx.Client, cut: int) -> None:
    before = state(studio, ann)

    with begun(studio.port, ann, BODY[:cut]) as connection:
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as response:
            received = response.read()  # to the end: the server closes the connection

    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert (lines[0], "Connection: close" in lines, "Content-Type: application/json" in lines) == (
        *("HTTP/1.1 400 Bad Request", True, True),
    )
    assert json.loads(body) == {"detail": IncompleteBody.message, "code": "incomplete_body"}
    assert state(studio, ann) == before


def test_retry_after_a_cut_is_made(studio: RunningStudio, ann: httpx.Client) -> None:
    with begun(studio.port, ann, BODY[: len(BODY) // 2], **{"Idempotency-Key": "once"}) as connection:
        connection.shutdown(socket.SHUT_WR)
        connection.makefile("rb").read()
    fields = {**FIELDS, "prompt": "A long red dress of silk"}

    retry = ann.post("/api/v1/video-jobs", data=fields, headers={"Idempotency-Key": "once"})

    assert (retry.status_code, retry.json()["prompt"], retry.json()["tokensCharged"]) == (202, fields["prompt"], 50)


def test_doubled_slashes_reach_the_endpoint(studio: RunningStudio, ann: httpx.Client, proxy: int) -> None:
    paths = ["//api/v1/video-jobs", "/api/v1//video-jobs"]

    statuses = [get(port, ann, path) for path in paths for port in (studio.port, proxy)]

    assert statuses == ["HTTP/1.1 200 OK"] * 4


def get(port: int, client: httpx.Client, path: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        token = client.headers["Authorization"].replace("Bearer", "bearer")
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
        return connection.makefile("rb").readline().decode().strip()
