"""Connections: of slow readers, of clients that send nothing or too much, and when the process ends."""

import socket
from contextlib import suppress
from http.client import HTTPConnection

import pytest
from django.db import transaction

from tests.conftest import MakeUser, tokens_of
from tests.fixtures.video_jobs import MakeJob
from tests.videos.live.conftest import SECONDS, Live
from videos.live import hub
from videos.live import server as live_server
from videos.models import Event
from videos.models.events import record

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


@pytest.mark.parametrize("head", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
def test_body_is_refused_unread(live: Live, head: str) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as client:
        client.sendall(f"POST {URL} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())

        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_client_that_sends_no_request_is_cut_off(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_server, "HEAD_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", live.port), timeout=SECONDS) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")

        with suppress(ConnectionResetError):
            assert client.recv(1000) == b""
