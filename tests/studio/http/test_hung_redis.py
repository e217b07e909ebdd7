"""A Redis that accepts connections but never replies costs a request one short wait at most."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.registration import create_user
from studio.observability import counters
from tests.conftest import PASSWORD, MakeUser, SignIn

pytestmark = pytest.mark.django_db

ANN = {"email": "ann@example.com", "password": PASSWORD}


@pytest.fixture
def hung_redis(settings: Any) -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield server


def first_words(server: socket.socket) -> list[bytes]:
    """What each connection of requests has sent; the thread that sends counters has its own."""
    server.setblocking(False)
    found: list[bytes] = []
    while True:
        try:
            connection = server.accept()[0]
        except BlockingIOError:
            return found
        with connection:
            connection.settimeout(2)
            sent = connection.recv(4096)
        if counters.CLIENT_NAME.encode() not in sent:
            found.append(sent)


def test_sign_in_waits_once(anonymous: APIClient, hung_redis: socket.socket) -> None:
    create_user(**ANN)
    began = time.monotonic()

    response = anonymous.post("/api/v1/auth/token", ANN)

    assert response.status_code == 200
    assert len(first_words(hung_redis)) == 1  # not one for each of its two throttles
    assert time.monotonic() - began < 4  # seconds; it takes 0.3, and took 10


@pytest.mark.django_db(transaction=True)
def test_creation_waits_once(make_user: MakeUser, sign_in: SignIn, hung_redis: socket.socket) -> None:
    client = sign_in(make_user())
    began = time.monotonic()

    responses = [client.post("/api/v1/video-jobs", {"prompt": "stone", "mockMode": True}) for _ in range(3)]

    assert [response.status_code for response in responses] == [202] * 3
    assert time.monotonic() - began < 5  # seconds; it takes 0.5, and took 15
    assert connections(hung_redis) <= 3
