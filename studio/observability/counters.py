"""What only processes know, counted for `/metrics`: each process adds up its own, and Redis the sums of all.

Why Redis: every web process on every machine gives the same numbers, whoever counted, and whatever died since. A count
costs a dictionary entry; a thread sends what has come together every two seconds. Redis may be lost at any time; then
the counters start again from zero, which Prometheus expects of counters. A killed process loses its last two seconds.
"""

import atexit
import json
import logging
import os
import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0  # between two sendings; what a killed process loses at most
REDIS_SECONDS = 1.0  # to connect, and to answer
REPORT_SECONDS = 30.0  # between two reports of what `report_regularly` was given
BATCH_MEMORY_SECONDS = 3600  # how long a batch is recognised that is sent again because its answer was lost
SUMS = "studio:{metrics}:sums"  # a hash; the braces keep the keys of a batch together in a cluster
MARKS = "studio:{metrics}:marks"
BATCH = "studio:{metrics}:batch:"
# Sent again after a lost answer, a batch must not count twice.
ADD_ONCE = """
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[1]) then
  for i = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
"""
Key = tuple[str, tuple[str, ...], str]  # a measure's name, its labels' values, and "", "sum" or a bucket's bound
Sums = dict[Key, float]


@dataclass(frozen=True)
class Measure:
    """A counter, or with `buckets` a histogram: its Prometheus name, what it counts, and its labels.

    Prometheus sees no increase in a series that appears with its first event. So every series that can be known is
    shown from the start, at zero: each combination of the values that `labels` lists, () where they are not known; or,
    where few combinations can happen, or the catalogue has them, those that `series` returns.
    """

    name: str
    meaning: str
    labels: dict[str, Iterable[str]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    series: Callable[[], Iterable[tuple[str, ...]]] | None = None

    def __post_init__(self) -> None:
        _measures[self.name] = self

    def add(self, *values: str, amount: float = 1) -> None:
        """Count up by `amount`, under the labels' values in their order."""
        _tally.add({(self.name, values, ""): amount})

    def observe(self, amount: float, *values: str) -> None:
        """Add an observation to the histogram."""
        place = bisect_left(self.buckets, amount)
        bound = str(self.buckets[place]) if place < len(self.buckets) else "+Inf"
        _tally.add({(self.name, values, bound): 1, (self.name, values, "sum"): amount})

    def known_series(self) -> Iterator[tuple[str, ...]]:
        """The labels' values that are shown from the start. Raises DatabaseError where the catalogue has them."""
        yield from self.series() if self.series else product(*self.labels.values())


_measures: dict[str, Measure] = {}


def measures() -> list[Measure]:
    """All that are declared."""
    return sorted(_measures.values(), key=lambda measure: measure.name)


class Tally:
    """What this process has counted and not yet sent."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start empty; also in a forked child, which has no thread, and must not send its parent's counts again."""
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: Sums = {}
        self._marks: dict[str, float] = {}
        self._unsent: tuple[str, Sums] | None = None  # a batch whose answer did not come, with its id
        self._client: Any = None
        self._is_running = False

    def add(self, amounts: Sums) -> None:
        """Add to what is pending. Never raises, never waits for Redis."""
        with self._lock:
            for key, amount in amounts.items():
                self._pending[key] = self._pending.get(key, 0) + amount
            is_running, self._is_running = self._is_running, True
        if not is_running:
            threading.Thread(target=self._flush_forever, name="counters", daemon=True).start()

    def mark(self, name: str) -> None:
        """Remember that something has happened just now."""
        with self._lock:
            self._marks[name] = time.time()
        self.add({})

    def flush(self) -> None:
        """Send what is pending now. What Redis does not take is kept."""
        with self._sending:
            with self._lock:
                marks, self._marks = self._marks, {}
                if self._unsent is None and self._pending:
                    self._unsent, self._pending = (uuid.uuid4().hex, self._pending), {}
            try:
                self._send(marks)
            except (redis.RedisError, OSError) as exc:
                logger.debug("counts not sent", extra={"reason": type(exc).__name__})  # readyz tells of Redis
                with self._lock:
                    self._marks = marks | self._marks

    def _send(self, marks: dict[str, float]) -> None:
        if self._client is None:
            self._client = connect()
        if marks:
            self._client.hset(MARKS, mapping=marks)
        if self._unsent:
            batch, sums = self._unsent
            fields = [part for key, amount in sums.items() for part in (json.dumps(key), repr(float(amount)))]
            self._client.eval(ADD_ONCE, 2, SUMS, f"{BATCH}{batch}", BATCH_MEMORY_SECONDS, *fields)
            self._unsent = None

    def _flush_forever(self) -> None:
        reporter, due_at = threading.Thread(), 0.0
        while True:
            if time.monotonic() >= due_at and not reporter.is_alive():
                # of its own: a file system that hangs must not keep the counts
                reporter = threading.Thread(target=_report, name="reports", daemon=True)
                reporter.start()
                due_at = time.monotonic() + REPORT_SECONDS
            time.sleep(FLUSH_SECONDS)
            self.flush()


_tally = Tally()
os.register_at_fork(after_in_child=_tally.reset)


def connect() -> Any:
    """A client of Redis that gives up within a second."""
    retry = Retry(NoBackoff(), 0)
    timeouts: dict[str, Any] = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    return redis.Redis.from_url(settings.REDIS_URL, retry=retry, **timeouts)


def flush() -> None:
    """Send what this process has counted: at the end of a process that ends without `atexit`."""
    _tally.flush()


atexit.register(flush)
_reports: list[Callable[[Any], None]] = []


def report_regularly(report: Callable[[Any], None]) -> None:
    """Have every process that counts call this with a client of Redis, now and every 30 s."""
    _reports.append(report)


def start() -> None:
    """Begin to send and to report, in a process that may have nothing to count for long."""
    _tally.add({})


def _report() -> None:
    try:
        with connect() as client:
            for report in _reports:
                report(client)
    except (redis.RedisError, OSError) as exc:
        logger.debug("not reported", extra={"reason": type(exc).__name__})  # readyz tells of Redis


def mark(name: str) -> None:
    """Remember, for all processes, that something has happened just now."""
    _tally.mark(name)


def sums(client: Any) -> Sums:
    """What all processes have counted. Raises RedisError."""
    found: Sums = {}
    for said, amount in client.hgetall(SUMS).items():
        name, values, part = json.loads(said)
        measure = _measures.get(name)
        if measure and len(values) == len(measure.labels):  # else of another release
            found[name, tuple(values), part] = float(amount)
    return found


def marks(client: Any) -> dict[str, float]:
    """When what was marked has last happened, in seconds since 1970. Raises RedisError."""
    return {name.decode(): float(moment) for name, moment in client.hgetall(MARKS).items()}
