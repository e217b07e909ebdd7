"""Streams of events: from the commit of a change to each listener, and what many listeners cost."""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks import meters
from benchmarks.deployment import Deployment, deployment
from benchmarks.report import Report
from operations.local.valkey import free_port

LISTENERS, MANY = 500, 2_000
STREAMS_A_USER = 5
CHANGES = 40  # of an owner's job, in turn
LAG_SECONDS, MEMORY_MIB = 0.25, 143  # 150 MB
IDLE_SECONDS = 10.0
PATIENCE_SECONDS = 30.0
EVENT = b"event: job.updated"


class Listeners:
    """Many streams, read by one thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self.sockets: list[socket.socket] = []

    def open(self, tokens: Sequence[str]) -> None:
        """Open a stream for each token, and return when all have begun. Raises RuntimeError."""
        waiting = set()
        for token in tokens:
            sock = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_SECONDS)
            head = f"GET /api/v1/video-jobs/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
            sock.sendall(head.encode())
            self._selector.register(sock, selectors.EVENT_READ)
            self.sockets.append(sock)
            waiting.add(sock)
        ends_at = time.monotonic() + 2 * PATIENCE_SECONDS
        while waiting:
            if time.monotonic() > ends_at:
                raise RuntimeError(f"{len(waiting)} streams have not begun")
            waiting -= {sock for sock, text in self._read(1.0) if b"retry:" in text}

    def receive(self, count: int) -> list[float]:
        """The times at which so many sockets had an event, or as many as came in time."""
        moments: dict[socket.socket, float] = {}
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while len(moments) < count and time.monotonic() < ends_at:
            for sock, text in self._read(1.0):
                if EVENT in text:
                    moments.setdefault(sock, time.monotonic())
        return list(moments.values())

    def drain(self, seconds: float) -> None:
        """Read and discard for this number of seconds."""
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            self._read(left)

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()

    def _read(self, seconds: float) -> list[tuple[socket.socket, bytes]]:
        found = []
        for key, _ in self._selector.select(seconds):
            sock: Any = key.fileobj
            text = sock.recv(1024 * 1024)
            if not text:
                raise RuntimeError("a stream has ended")
            found.append((sock, text))
        return found


def run(report: Report) -> None:
    """The lag with one change at a time and with many at once, then the cost of many listeners."""
    few, many = (LISTENERS, MANY) if report.full else (100, 400)
    with deployment() as site:
        tokens, jobs = _seed(many // STREAMS_A_USER)
        with _live(site) as (listeners, _):
            listeners.open(tokens[:few])
            _lags(report, listeners, jobs, owners=few // STREAMS_A_USER)
        with _live(site) as (listeners, process):
            empty = meters.memory_mib([process])
            listeners.open(tokens)
            _cost(report, site, process, listeners, empty=empty, judged=report.full)


@contextmanager
def _live(site: Deployment) -> Iterator[tuple[Listeners, int]]:
    """A live process of its own, and its id."""
    port = free_port()
    process = site.start("live", "manage.py", "live", LIVE_PORT=str(port), HOST="127.0.0.1")
    site.wait_until(lambda: _listens(port), name="live")
    listeners = Listeners(port)
    try:
        yield listeners, process
    finally:
        listeners.close()
        site.stop("live")


def _seed(owners: int) -> tuple[list[str], list[Any]]:
    """The tokens of the streams, owner after owner, and a job of each owner."""
    from benchmarks import rows

    found = rows.users("listener", owners)
    jobs = [rows.finished_job(owner) for owner in found]
    tokens = [rows.access_token(owner) for owner in found]
    return [token for token in tokens for _ in range(STREAMS_A_USER)], jobs


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _change(jobs: Sequence[Any]) -> float:
    """Change the jobs in a transaction; returns when it was committed."""
    from django.db import transaction

    from videos.models import Event, VideoJob, events

    with transaction.atomic():
        VideoJob.objects.filter(pk__in=[job.pk for job in jobs]).update(duration_seconds=8)
        events.record(Event.Kind.UPDATED, [(job.owner_id, job.pk) for job in jobs])
    return time.monotonic()


def _lags(report: Report, listeners: Listeners, jobs: Sequence[Any], *, owners: int) -> None:
    single: list[float] = []
    for number in range(CHANGES):
        committed_at = _change([jobs[number % owners]])
        single += [moment - committed_at for moment in listeners.receive(STREAMS_A_USER)]
    together: list[float] = []
    for _ in range(5):
        committed_at = _change(jobs[:owners])
        together += [moment - committed_at for moment in listeners.receive(owners * STREAMS_A_USER)]
    rows = [
        (name, len(lags), *(1000 * meters.quantile(lags, share) for share in (0.5, 0.95, 1.0)))
        for name, lags in (("one owner's job", single), ("a job of every owner", together))
    ]
    count = owners * STREAMS_A_USER
    report.table(f"Commit to event, {count} listeners", ("change", "events", "p50 ms", "p95 ms", "max ms"), rows)
    report.target("lag, one change, p95", value=meters.quantile(single, 0.95), limit=LAG_SECONDS, unit=" s")
    report.target("lag, all at once, p95", value=meters.quantile(together, 0.95), limit=LAG_SECONDS, unit=" s")
    missing = CHANGES * STREAMS_A_USER + 5 * count - len(single) - len(together)
    report.target("events that did not arrive", value=missing, limit=0, unit="")


def _cost(report: Report, site: Deployment, process: int, listeners: Listeners, *, empty: float, judged: bool) -> None:
    from benchmarks.database import server_process

    server = [found for found in [server_process(site.environment["DATABASE_URL"])] if found]
    listeners.drain(1.0)
    cpu, database = meters.cpu_seconds([process]), meters.cpu_seconds(server)
    listeners.drain(IDLE_SECONDS)
    cpu, database = meters.cpu_seconds([process]) - cpu, meters.cpu_seconds(server) - database
    memory = meters.memory_mib([process])
    row = (len(listeners.sockets), empty, memory, 100 * cpu / IDLE_SECONDS, 100 * database / IDLE_SECONDS)
    header = ("listeners", "MiB without", "MiB", "CPU %", "database's CPU %")
    report.table("Listeners without events", header, [row])
    report.target("memory of the live process", value=memory, limit=MEMORY_MIB, unit=" MiB", judged=judged)
