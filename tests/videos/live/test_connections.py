"""Connections: of slow readers, of clients that send nothing, too much or leave, and when the process ends."""

import gc
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction

from accounts.sign_in.grants import Grant
from tests.conftest import MakeUser, tokens_of
from tests.fixtures.video_jobs import MakeJob
from tests.videos.live.conftest import SECONDS, Live
from videos import live_tickets
from videos.live import hub
from videos.live import server as live_server
from videos.live.threads import REQUESTS
from videos.models import Event, LiveTicket
from videos.models.events import record
from videos.phases import Phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
URL = "/api/v1/video-jobs/events"


def test_client_that_does_not_read_is_cut_off(
    live: Live, make_user: MakeUser, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_server, "SLOW_SECONDS", 0.2)
    job = make_job(make_user(), prompt="x" * 4000)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", live.port))
    token = tokens_of(job.owner)["access"]
    slow.sendall(f"GET {URL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    assert b"200 OK" in slow.recv(100)
    reader = live.stream(user=job.owner)

    for number in range(1, 2001):
        with transaction.atomic():
            record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])
        if number % 50 == 0:
            while reader.event().id != number:
                pass
            if len(hub.HUB) == 1:
                break

    assert len(hub.HUB) == 1
    slow.close()


def test_streams_end_with_the_process(live: Live, make_user: MakeUser) -> None:
    stream = live.stream(user=make_user())

    live.server.should_exit = True

    stream.wait_for_end()


def test_head_opens_no_stream(live: Live, make_user: MakeUser) -> None:
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)
    connection.request("HEAD", URL, headers={"Authorization": f"Bearer {tokens_of(make_user())['access']}"})

    assert (connection.getresponse().status, len(hub.HUB)) == (200, 0)
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "not a host"])
@pytest.mark.parametrize("body", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
def test_body_is_refused_unread(live: Live, body: str, host: str) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as client:
        client.sendall(f"POST {URL} HTTP/1.1\r\nHost: {host}\r\n{body}\r\n\r\n".encode())
        response = HTTPResponse(client)
        response.begin()

        assert (response.status, response.headers["Connection"]) == (413 if host == "localhost" else 400, "close")
        response.read()
        assert client.recv(1) == b""


@pytest.mark.parametrize("length", ["0", "00"])
def test_empty_body_is_none(live: Live, length: str) -> None:
    connection, response = live.request("/healthz", Content_Length=length)

    assert response.status == 200
    connection.close()


def test_client_that_sends_no_request_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_server, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")

        with suppress(ConnectionResetError):
            assert client.recv(1000) == b""


def test_each_request_of_a_connection_has_the_whole_time_for_its_head(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_server, "HEAD_SECONDS", 0.2)
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)

    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b"ok\n"
        threading.Event().wait(0.3)  # uvicorn closes idle connections after five seconds
    connection.close()


def test_client_that_does_not_finish_its_second_head_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_server, "HEAD_SECONDS", 0.2)
    connection = HTTPConnection("127.0.0.1", live.port, timeout=SECONDS)
    connection.request("GET", "/healthz")
    connection.getresponse().read()

    connection.sock.sendall(b"GET / HTTP/1.1\r\n")

    with suppress(ConnectionResetError):
        assert connection.sock.recv(1000) == b""
    connection.close()


def test_request_for_a_websocket_is_served_without_and_logs_no_warning(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    connection, response = live.request("/healthz", Connection="Upgrade", Upgrade="websocket")

    assert response.status == 200
    connection.close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@contextmanager
def busy_threads() -> Iterator[None]:
    """All threads for requests are busy, as if the database hung."""
    begun, released = threading.Barrier(REQUESTS.count + 1), threading.Event()

    def work() -> None:
        begun.wait(SECONDS)
        released.wait(SECONDS)

    for _ in range(REQUESTS.count):
        REQUESTS.pool.submit(work)
    begun.wait(SECONDS)
    try:
        yield
    finally:
        released.set()


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(SECONDS * 100):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("It did not happen in time.")


def requests_in_memory(token: str) -> int:
    """How many of Django's requests with the token there are."""
    gc.collect()
    # by type(), because isinstance() would follow weak references of which the object is gone
    found = [each for each in gc.get_objects() if type(each) is ASGIRequest]
    return sum(token in each.META.get("HTTP_AUTHORIZATION", "") for each in found)


def test_health_needs_no_thread_and_no_known_host(live: Live, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["studio.example.com"]
    with busy_threads():
        connection, response = live.request("/healthz", Host="10.0.0.7")

        assert (response.status, response.read()) == (200, b"ok\n")
    connection.close()


def test_client_that_leaves_before_its_request_has_a_thread_is_not_served(live: Live, make_user: MakeUser) -> None:
    ticket, _ = live_tickets.issue(Grant(make_user().pk))
    with busy_threads():
        client = socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS)
        client.sendall(f"GET {URL}?ticket={ticket} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_until(lambda: REQUESTS.pool._work_queue.qsize() == 1)
        client.close()
        wait_until(lambda: not live.server.server_state.connections)

    assert live.get("/api/v1/looks")[0] == 404
    assert LiveTicket.objects.count() == 1


def test_client_that_leaves_is_forgotten(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    live.stream(user=job.owner).close()
    token = tokens_of(job.owner)["access"]
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as client:
        head = f"GET /api/v1/video-jobs/{job.pk}?wait=60 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
        client.sendall(f"{head}\r\n\r\n".encode())
        wait_until(lambda: [listener.job_id for listener in hub.HUB._listeners] == [job.pk])

    wait_until(lambda: len(hub.HUB) == 0 and not live.server.server_state.tasks)


def test_nothing_of_django_is_kept_while_clients_wait(live: Live, make_user: MakeUser, make_job: MakeJob) -> None:
    job = make_job(make_user(), phase=Phase.GENERATING)
    token = tokens_of(job.owner)["access"]
    live.stream(token=token)
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as waiting, busy_threads():
        head = f"GET {URL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        waiting.sendall(head.encode())
        wait_until(lambda: REQUESTS.pool._work_queue.qsize() == 1)

        assert requests_in_memory(token) == 0
