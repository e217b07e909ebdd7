"""Redis for requests: calls with short time-outs, behind a circuit breaker.

A request can do without Redis: a throttle lets it through, and the sweeper sends lost hints again. So a call waits a
quarter of a second at most, and after a failure the process makes no call for two seconds.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 0.25  # a reply takes a tenth of a millisecond
OPEN_SECONDS = 2.0  # of all requests of a process, one in two seconds waits for a Redis that hangs

_open_until = 0.0  # by time.monotonic()


class CircuitOpen(redis.ConnectionError):
    """A call failed within the last two seconds, so this one was not made."""


@contextmanager
def redis_client() -> Iterator[redis.Redis]:
    """A client for the calls in the block. Raises RedisError; CircuitOpen at once after a recent failure."""
    global _open_until  # noqa: PLW0603 - one for the process, like its connections
    if time.monotonic() < _open_until:
        raise CircuitOpen("Redis has just failed.")
    try:
        yield client_of(settings.REDIS_URL)
    except (redis.ConnectionError, redis.TimeoutError) as exc:
        if not isinstance(exc, CircuitOpen):
            _open_until = time.monotonic() + OPEN_SECONDS
        raise


def close_circuit() -> None:
    """Make the next call, even if the last one failed."""
    global _open_until  # noqa: PLW0603 - as above
    _open_until = 0.0


@cache
def client_of(url: str) -> redis.Redis:
    """The process's client, which does not repeat a failed call."""
    return redis.Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
    )
