"""Per-process counters and histograms for `/metrics`, aggregated in Redis.

Through Redis, every web process on every machine shows all numbers, including those of processes that have ended.
Counting costs a dictionary entry; a thread sends the counts every two seconds. If Redis loses its data, the counters
restart from zero, as Prometheus expects. A killed process loses its last two seconds.
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

FLUSH_SECONDS = 2.0  # between two batches; a killed process loses this much at most
REDIS_SECONDS = 1.0  # to connect, and for each reply
CLIENT_NAME = "studio-counters"  # as CLIENT LIST shows it
REPORT_SECONDS = 30.0  # between two calls of the reports
BATCH_MEMORY_SECONDS = 3600  # a batch that is repeated within this time is not counted twice
SUMS = "studio:{metrics}:sums"  # a hash; the braces put all keys into one slot of a Redis cluster
MARKS = "studio:{metrics}:marks"
BATCH = "studio:{metrics}:batch:"
# A batch is repeated when its reply was lost, and must not count twice.
ADD_ONCE = """
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[1]) then
  for i = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
"""
Key = tuple[str, tuple[str, ...], str]  # the metric's name, its labels' values, and "", "sum" or a bucket's bound
Sums = dict[Key, float]


@dataclass(frozen=True)
class Metric:
    """A counter, or with `buckets` a histogram.

    Prometheus sees no increase in a series that first appears with a value. So all series known beforehand start
    at zero: every combination of the values in `labels`, where () stands for unknown values. With `series`, the known
    series are the combinations that it returns.
    """

    name: str
    meaning: str
    labels: dict[str, Iterable[str]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    series: Callable[[], Iterable[tuple[str, ...]]] | None = None

    def __post_init__(self) -> None:
        _metrics[self.name] = self

    def add(self, *values: str, amount: float = 1) -> None:
        """Increase the counter by `amount`; `values` are those of the labels, in their order."""
        _tally.add({(self.name, values, ""): amount})

    def observe(self, amount: float, *values: str) -> None:
        index = bisect_left(self.buckets, amount)
        bound = str(self.buckets[index]) if index < len(self.buckets) else "+Inf"
        _tally.add({(self.name, values, bound): 1, (self.name, values, "sum"): amount})

    def known_series(self) -> Iterator[tuple[str, ...]]:
        """The labels' values of every series to show from the start. Raises DatabaseError if `series` does."""
        yield from self.series() if self.series else product(*self.labels.values())


_metrics: dict[str, Metric] = {}


def metrics() -> list[Metric]:
    """All declared metrics, by name."""
    return sorted(_metrics.values(), key=lambda metric: metric.name)


class Tally:
    """The counts of this process that were not sent yet."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start empty; also in a forked child, which has no thread, and must not send its parent's counts again."""
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._pending: Sums = {}
        self._marks: dict[str, float] = {}
        self._unsent: tuple[str, Sums] | None = None  # the id and counts of a batch without a reply
        self._client: Any = None
        self._is_running = False

    def add(self, amounts: Sums) -> None:
        """Add to the pending counts. Never raises, never waits for Redis."""
        with self._lock:
            for key, amount in amounts.items():
                self._pending[key] = self._pending.get(key, 0) + amount
            is_running, self._is_running = self._is_running, True
        if not is_running:
            threading.Thread(target=self._flush_forever, name="counters", daemon=True).start()

    def mark(self, name: str) -> None:
        """Record the current time under the name."""
        with self._lock:
            self._marks[name] = time.time()
        self.add({})

    def flush(self) -> None:
        """Send the pending counts now; on failure they are kept."""
        with self._sending:
            with self._lock:
                marks, self._marks = self._marks, {}
                if self._unsent is None and self._pending:
                    self._unsent, self._pending = (uuid.uuid4().hex, self._pending), {}
            try:
                self._send(marks)
            except (redis.RedisError, OSError) as exc:
                logger.debug("counters.not_sent", extra={"reason": type(exc).__name__})  # /readyz reports Redis
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
                # in a thread of their own: a file system that hangs must not stop the counters
                reporter = threading.Thread(target=_report, name="reports", daemon=True)
                reporter.start()
                due_at = time.monotonic() + REPORT_SECONDS
            time.sleep(FLUSH_SECONDS)
            self.flush()


_tally = Tally()
os.register_at_fork(after_in_child=_tally.reset)


def connect() -> Any:
    """A Redis client with time-outs of a second."""
    retry = Retry(NoBackoff(), 0)
    timeouts: dict[str, Any] = {"socket_connect_timeout": REDIS_SECONDS, "socket_timeout": REDIS_SECONDS}
    return redis.Redis.from_url(settings.REDIS_URL, retry=retry, client_name=CLIENT_NAME, **timeouts)


def flush() -> None:
    """Send this process's counts; for a process that ends without `atexit`."""
    _tally.flush()


atexit.register(flush)
_reports: list[Callable[[Any], None]] = []


def report_regularly(report: Callable[[Any], None]) -> None:
    """Have every counting process call this with a Redis client, at its start and every 30 s."""
    _reports.append(report)


def start() -> None:
    """Start the thread now, in a process that may count nothing for a long time."""
    _tally.add({})


def _report() -> None:
    try:
        with connect() as client:
            for report in _reports:
                report(client)
    except (redis.RedisError, OSError) as exc:
        logger.debug("report.not_sent", extra={"reason": type(exc).__name__})  # /readyz reports Redis


def mark(name: str) -> None:
    """Record the current time under the name, for all processes."""
    _tally.mark(name)


def sums(client: Any) -> Sums:
    """The sums of all processes. Raises RedisError."""
    found: Sums = {}
    for key, amount in client.hgetall(SUMS).items():
        name, values, part = json.loads(key)
        metric = _metrics.get(name)
        if metric and len(values) == len(metric.labels):  # else of another release
            found[name, tuple(values), part] = float(amount)
    return found


def marks(client: Any) -> dict[str, float]:
    """The latest time of each mark, in seconds since 1970. Raises RedisError."""
    return {name.decode(): float(moment) for name, moment in client.hgetall(MARKS).items()}
