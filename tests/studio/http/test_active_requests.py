"""A web process works on a bounded number of requests and database connections, for whatever its threads wait."""

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from studio.http import web_server
from studio.http.active_requests import ActiveRequestLimit, is_refused, without_slot

View = Callable[[dict[str, Any]], Iterable[bytes]]
PATIENCE = 20  # seconds, for what takes none


def limit_of(view: View, *, slots: int, threads: int = 64) -> ActiveRequestLimit:
    return ActiveRequestLimit(lambda environ, start_response: view(environ), slots=slots, threads=threads)


def served(view: View) -> Any:
    """The view as a worker of gunicorn serves it."""
    return web_server.application(
        SimpleNamespace(wsgi=lambda environ, start_response: view(environ), cfg=SimpleNamespace(threads=64))
    )


def ask(limit: ActiveRequestLimit, **environ: Any) -> Iterable[bytes]:
    return limit({"PATH_INFO": "/", "wsgi.input": io.BytesIO(), **environ}, lambda status, headers: None)


def ask_in_a_thread(limit: ActiveRequestLimit) -> None:
    """As gunicorn does: with none of the test's own connections."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask, limit).result(PATIENCE)


class Stalled:
    """A body whose client sends nothing until `may_send` is set."""

    def __init__(self) -> None:
        self.is_awaited, self.may_send = threading.Event(), threading.Event()

    def read(self, size: int) -> bytes:
        self.is_awaited.set()
        assert self.may_send.wait(PATIENCE)
        return b"body"

    readline = read


def test_no_more_requests_than_slots_run_at_once() -> None:
    lock, inside, most = threading.Lock(), 0, 0
    both_are_in = threading.Barrier(2)

    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        both_are_in.wait(PATIENCE)
        with lock:
            inside -= 1
        return [b"done"]

    limit = limit_of(view, slots=2)
    with ThreadPoolExecutor(12) as pool:
        responses = list(pool.map(lambda _: ask(limit), range(12)))

    assert (responses, most) == ([[b"done"]] * 12, 2)


def test_view_that_raises_gives_its_slot_back() -> None:
    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        if environ["fails"]:
            raise ValueError
        return [b"done"]

    limit = limit_of(view, slots=1)
    with pytest.raises(ValueError, match=r"^$"):
        ask(limit, fails=True)

    assert ask(limit, fails=False) == [b"done"]


@pytest.mark.parametrize("read", ["read", "readline"])
def test_slow_body_holds_no_slot(read: str, settings: Any) -> None:
    settings.WEB_MAX_ACTIVE_REQUESTS = 1
    body, limit = Stalled(), served(lambda environ: [getattr(environ["wsgi.input"], read)(9)])
    with ThreadPoolExecutor(1) as pool, socket.socket() as connection:
        wire = {"SERVER_PROTOCOL": "HTTP/1.1", "gunicorn.socket": connection}
        slow = pool.submit(ask, limit, **wire, **{"wsgi.input": body})
        assert body.is_awaited.wait(PATIENCE)

        quick = ask(limit, **wire, **{"wsgi.input": io.BytesIO(b"quick")})
        body.may_send.set()

        assert (quick, slow.result(PATIENCE)) == ([b"quick"], [b"body"])


@pytest.mark.django_db(transaction=True)
def test_transaction_keeps_its_connection_while_it_waits() -> None:
    seen: list[bool] = []

    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        with transaction.atomic():
            before = connections["default"]
            with without_slot():
                seen.append(connections["default"] is before)
        connection.close()
        return []

    ask_in_a_thread(limit_of(view, slots=1))

    assert seen == [True]


@pytest.mark.django_db(transaction=True)
def test_idle_connection_is_checked_before_it_is_used() -> None:
    seen: list[bool] = []

    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        connection.ensure_connection()
        connection.health_check_done = True
        with without_slot():
            pass
        seen.append(connection.health_check_done)
        connection.close()
        return []

    ask_in_a_thread(limit_of(view, slots=1))

    assert seen == [False]


@pytest.mark.django_db(transaction=True)
def test_many_threads_share_the_connections_of_the_slots() -> None:
    lock, used, responses = threading.Lock(), set(), []
    all_threads = threading.Barrier(10)

    def view(environ: dict[str, Any]) -> Iterable[bytes]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            responses.append(cursor.fetchone())
        with lock:
            used.add(connections["default"].connection)
        if environ["last"]:
            connection.close()
        return []

    limit = limit_of(view, slots=1)

    def be_a_thread(_: int) -> list[Any]:
        all_threads.wait(PATIENCE)  # so that no thread takes two turns
        ask(limit, last=False)
        return connections.all(initialized_only=True)

    with ThreadPoolExecutor(10) as pool:
        left_behind = list(pool.map(be_a_thread, range(10)))
        pool.submit(ask, limit, last=True).result(PATIENCE)

    assert (len(used), responses, left_behind) == (1, [(1,)] * 11, [[]] * 10)


@pytest.mark.django_db(transaction=True)
def test_stream_that_reads_the_database_has_a_connection_that_ends_with_it() -> None:
    class Export:
        streaming = True
        is_closed = False

        def __iter__(self) -> Iterator[bytes]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                yield str(cursor.fetchone()[0]).encode()

        def close(self) -> None:
            self.is_closed = True

    export = Export()

    def thread() -> tuple[list[bytes], Any]:
        response: Any = ask(limit_of(lambda environ: export, slots=1))  # type: ignore[arg-type,return-value]
        sent = list(response)
        response.close()
        return sent, connections["default"].connection

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(thread).result(PATIENCE) == ([b"1"], None)
    assert export.is_closed


class Hanging:
    """A view that hangs until `may_finish` is set, as with a database that hangs."""

    def __init__(self) -> None:
        self.may_finish = threading.Event()
        self.inside = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any]) -> Iterable[bytes]:
        if is_refused(environ) or environ["PATH_INFO"] == "/healthz":
            return [b"refused" if is_refused(environ) else b"healthy"]
        self.inside.release()
        assert self.may_finish.wait(PATIENCE)
        return [b"done"]


def test_requests_are_refused_while_none_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.http.active_requests.STALLED_SECONDS", -1.0)
    view = Hanging()
    limit = ActiveRequestLimit(lambda environ, start: view(environ), slots=1, threads=4, exempt=("/healthz",))
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(ask, limit) for _ in range(3)]  # one has the slot, two wait for it
        assert view.inside.acquire(timeout=PATIENCE)
        while limit._admission._permits._value:
            pass

        refused, healthy = ask(limit), ask(limit, PATH_INFO="/healthz")
        view.may_finish.set()
        done = [request.result(PATIENCE) for request in waiting]

    assert (refused, healthy) == ([b"refused"], [b"healthy"])
    assert (done, ask(limit)) == ([[b"done"]] * 3, [b"done"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/readyz/"])
def test_probes_get_a_response_while_every_slot_is_taken(path: str) -> None:
    view = Hanging()
    limit = served(lambda environ: [b"ok"] if environ["PATH_INFO"] == path else view(environ))
    wire = {"SERVER_PROTOCOL": "HTTP/1.1", "gunicorn.socket": None}
    with ThreadPoolExecutor(10) as pool:
        taken = [pool.submit(ask, limit, **wire) for _ in range(settings.WEB_MAX_ACTIVE_REQUESTS)]
        for _ in taken:
            assert view.inside.acquire(timeout=PATIENCE)

        probe = pool.submit(ask, limit, PATH_INFO=path, **wire)
        wait([probe], PATIENCE / 2)
        is_done = probe.done()
        view.may_finish.set()

        assert (is_done, probe.result(PATIENCE)) == (True, [b"ok"])


def test_request_waits_to_be_admitted_while_others_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.http.active_requests.ADMISSION_SECONDS", PATIENCE)
    monkeypatch.setattr("studio.http.active_requests.STALLED_SECONDS", PATIENCE)
    view = Hanging()
    limit = ActiveRequestLimit(lambda environ, start: view(environ), slots=1, threads=2)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, limit)
        assert view.inside.acquire(timeout=PATIENCE)
        second = pool.submit(ask, limit)
        view.may_finish.set()

        assert (first.result(PATIENCE), second.result(PATIENCE)) == ([b"done"], [b"done"])


def test_stream_counts_as_admitted_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.http.active_requests.STALLED_SECONDS", -1.0)

    class Stream(list[bytes]):
        streaming = True

        def close(self) -> None: ...

    limit = limit_of(lambda environ: [b"refused"] if is_refused(environ) else Stream([b"video"]), slots=1, threads=2)
    first: Any = ask(limit)
    second = ask(limit)
    first.close()
    third: Any = ask(limit)

    assert (list(first), second, list(third)) == ([b"video"], [b"refused"], [b"video"])


class Sent:
    """As gunicorn wraps a file that it sends itself."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_file_that_the_server_sends_counts_as_admitted_until_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.http.active_requests.STALLED_SECONDS", -1.0)

    def view(environ: dict[str, Any]) -> Any:
        return [b"refused"] if is_refused(environ) else Sent()

    limit = limit_of(view, slots=1, threads=2)
    first: Any = ask(limit, **{"wsgi.file_wrapper": Sent})
    second = ask(limit)
    first.close()
    third: Any = ask(limit, **{"wsgi.file_wrapper": Sent})

    assert (first.is_closed, second, type(third)) == (True, [b"refused"], Sent)
