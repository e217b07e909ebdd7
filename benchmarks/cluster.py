"""The product as on several machines: web twice, submit and media three times, the sweeper twice, behind PgBouncer.

Each process runs with its own command, as in production, and one that is killed starts again, as under systemd.
"""

import contextlib
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import psutil
import psycopg
import redis
from psycopg.conninfo import make_conninfo

from benchmarks import fleet, meters
from benchmarks.database import server_process
from benchmarks.deployment import Deployment
from tests.pgbouncer import BINARY, PgBouncer

MACHINES = {"web": 2, "submit": 3, "media": 3, "sweeper": 2}
LOST_WITH_A_SUBMIT = 4  # responses, one a thread (SUBMIT_THREADS)
WEB_WORKERS = 2  # of each machine, as gunicorn.conf.py has it
RESTART_SECONDS = 2  # RestartSec of deploy/systemd
LOOK_SECONDS = 5  # between two looks at the processes, each of which takes some 50 ms
SETTLING_SECONDS = 3  # for the work that each does once
POOL_SETTINGS = {"default_pool_size": "20"}  # connections to PostgreSQL, as in deploy/pgbouncer


@dataclass
class Cluster:
    """The running processes. Only the thread that has made it may start processes: they die with that thread."""

    site: Deployment
    pool: PgBouncer | None
    restarts: dict[str, float] = field(default_factory=dict)  # by process: when it starts again
    ended_cpu: Counter[str] = field(default_factory=Counter)  # of killed processes, by kind
    peak_mib: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))  # by kind
    peak_connections: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    sweeper_of: dict[int, str] = field(default_factory=dict)  # by local port of its polls
    _next_look: float = 0

    @property
    def web_ports(self) -> list[int]:
        """The ports of the web machines."""
        return [self.site.ports[name] for name in names_of("web")]

    def start(self) -> None:
        """Start all, and return once they work."""
        for kind in MACHINES:
            for name in names_of(kind):
                self._start(name)
        for name in names_of("web"):
            self.site.wait_for_web(name)
        workers = MACHINES["submit"] + MACHINES["media"]
        with redis.Redis.from_url(self.site.valkey.url) as connection:
            self.site.wait_until(lambda: int(connection.scard("rq:workers")) >= workers, name="media1")
        time.sleep(SETTLING_SECONDS)

    def kill(self, name: str) -> None:
        """Kill it with all its children, as when its machine loses power; `watch` starts it again."""
        found = meters.tree(self.site.processes[name].pid)
        self.ended_cpu[kind_of(name)] += meters.cpu_seconds([self.site.processes[name].pid])  # type: ignore[assignment]
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.site.processes[name].wait(10)
        self.restarts[name] = time.monotonic() + RESTART_SECONDS

    def watch(self) -> None:
        """Start what was killed, and note what is in use. Raises RuntimeError when another process has ended."""
        for name, due_at in list(self.restarts.items()):
            if time.monotonic() >= due_at:
                del self.restarts[name]
                self._start(name)
        self.site.require(*(name for kind in MACHINES for name in self._running(kind)))
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self.look()

    def look(self) -> None:
        """Note memory, connections and ports."""
        for kind in MACHINES:
            self.peak_mib[kind] = max(self.peak_mib[kind], meters.memory_mib(self.process_ids(kind)))
        for where, count in self._connections().items():
            self.peak_connections[where] = max(self.peak_connections[where], count)
        self._note_ports()

    def forget_peaks(self) -> None:
        """Begin to look for the most memory and connections again."""
        self.peak_mib.clear()
        self.peak_connections.clear()

    def process_ids(self, kind: str) -> list[int]:
        """The ids of the running processes of a kind."""
        return [self.site.processes[name].pid for name in self._running(kind)]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds so far: by kind, and of the services; `others` are the fakes of the vendors and the clients."""
        found = {kind: meters.cpu_seconds(self.process_ids(kind)) + self.ended_cpu[kind] for kind in MACHINES}
        found["pgbouncer"] = meters.cpu_seconds([self.pool.process_id]) if self.pool else 0
        found["valkey"] = meters.cpu_seconds([self.site.valkey.process_id])
        others = sum(time for process in self._others for time in process.cpu_times()[:2])
        server = server_process(self.site.environment["DATABASE_URL"])
        return found | {"postgresql": meters.cpu_seconds([server]) if server else 0, "others": others}

    @cached_property
    def _others(self) -> list[psutil.Process]:
        """This process, and its child that runs the fakes."""
        own = psutil.Process()
        return [own, *(child for child in own.children() if "benchmarks.vendors" in child.cmdline())]

    def _start(self, name: str) -> None:
        kind = kind_of(name)
        url = self.pool.url if self.pool else self.site.environment["DATABASE_URL"]
        if kind == "web":
            self.site.launch_web(name, workers=WEB_WORKERS, DATABASE_URL=url)
        else:
            self.site.start(name, *fleet.COMMANDS[kind], DATABASE_URL=url)

    def _running(self, kind: str) -> list[str]:
        return [name for name in names_of(kind) if name not in self.restarts]

    def _connections(self) -> dict[str, int]:
        """Connections to PostgreSQL but for the benchmark's, and those of the processes to PgBouncer."""
        own = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        found = {"to PostgreSQL": _count(self.site.environment["DATABASE_URL"], own) - 1}
        if self.pool:
            console = make_conninfo(self.pool.url, dbname="pgbouncer")
            found["to PgBouncer"] = _count(console, "SHOW CLIENTS") - 1  # the console's own
        return found

    def _note_ports(self) -> None:
        for name in self._running("sweeper"):
            with contextlib.suppress(psutil.Error):
                links = psutil.Process(self.site.processes[name].pid).net_connections("tcp")
                self.sweeper_of.update({link.laddr.port: name for link in links if link.laddr})


def names_of(kind: str) -> list[str]:
    """The names of the processes of a kind."""
    return [f"{kind}{number}" for number in range(1, MACHINES[kind] + 1)]


def kind_of(name: str) -> str:
    """The kind of the process with this name."""
    return name.rstrip("0123456789")


@contextmanager
def cluster(site: Deployment) -> Iterator[Cluster]:
    """The processes, ready to work, with PgBouncer where it is installed beside a server of the benchmark's own."""
    server = server_process(site.environment["DATABASE_URL"])
    pool = None
    if BINARY and server and site.has_own_server:
        pool = PgBouncer(
            server_url=site.environment["DATABASE_URL"],
            folder=site.folder / "pgbouncer",
            account=psutil.Process(server).username() if os.getuid() == 0 else None,
            settings=POOL_SETTINGS,
        )
    made = Cluster(site, pool)
    try:
        made.start()
        yield made
    finally:
        site.stop(*(name for name in site.processes if kind_of(name) in MACHINES))
        if pool:
            pool.stop()


def _count(url: str, sql: str) -> int:
    """The number of rows, by the simple protocol: PgBouncer's console has no other."""
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(sql).fetchall())  # type: ignore[call-overload]
