"""A closed connection is drained for a while, by few threads: slow clients must not occupy all of them."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.http import concurrency, web_server

PATIENCE = 20  # seconds, for what takes none


@pytest.fixture
def one_place() -> Iterator[None]:
    concurrency.allow(threads=1)
    yield
    concurrency.allow(threads=64)


def test_client_that_sends_on_takes_a_place_and_the_next_is_cut_off(
    one_place: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LINGER_SECONDS", "LINGER_IDLE_SECONDS"):
        monkeypatch.setattr(web_server, name, PATIENCE)
    ours, theirs = socket.socketpair()
    second, its_client = socket.socketpair()
    with ours, theirs, second, its_client, ThreadPoolExecutor(2) as pool:
        lingering = pool.submit(web_server._close, ours)
        assert theirs.recv(1) == b""  # no more is sent to it
        pool.submit(web_server._close, second).result(PATIENCE / 2)
        is_waiting = not lingering.done()
        theirs.close()
        lingering.result(PATIENCE)

        assert (is_waiting, its_client.recv(1)) == (True, b"")
    assert concurrency._permits._value == 1
