"""Calls to Redis out of requests: each waits a quarter of a second at most, and after a failure none is made for 2 s.

What requests ask of Redis can do without it: a throttle lets them through, and the sweeper sends lost hints again.
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
REST_SECONDS = 2.0  # so that of the requests of a process one in two seconds waits for a Redis that hangs

_rests_until = 0.0  # monotonic


class Resting(redis.ConnectionError):
    """A call has failed within the last 2 s, so this one was not made."""


@contextmanager
def brief() -> Iterator[redis.Redis]:
    """A client to make calls with. Raises RedisError, at once where a call has failed just now."""
    global _rests_until  # noqa: PLW0603 -- one for the process, as the connections are
    if time.monotonic() < _rests_until:
        raise Resting("Redis has failed just now.")
    try:
        yield client_of(settings.REDIS_URL)
    except (redis.ConnectionError, redis.TimeoutError) as exc:
        if not isinstance(exc, Resting):
            _rests_until = time.monotonic() + REST_SECONDS
        raise


def forget_failure() -> None:
    """Make the next call, whatever became of the last one."""
    global _rests_until  # noqa: PLW0603
    _rests_until = 0.0


@cache
def client_of(url: str) -> redis.Redis:
    """The client of the process, which makes each call once."""
    return redis.Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
    )
