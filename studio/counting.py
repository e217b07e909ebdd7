"""Counts what happens in a window of the clock: one Redis command each, and no count where Redis is away."""

import logging
import time
from functools import cache

import redis
from django.conf import settings

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.25  # an answer takes a tenth of a millisecond; a request must not wait for its own counting
REST_SECONDS = 10  # after a failure nobody asks for so long, so that requests do not wait one by one

_rests_until = 0.0


def count(key: str, *, window_seconds: int) -> int | None:
    """Add one, and tell how many there are in this window of the clock; None where nobody can tell."""
    global _rests_until  # noqa: PLW0603 -- one for the process, as the connections are
    now = time.time()
    if now < _rests_until:
        return None
    name = f"count:{key}:{int(now // window_seconds)}"
    try:
        total = int(_client(settings.REDIS_URL).incr(name))
        if total == 1:
            _client(settings.REDIS_URL).expire(name, window_seconds)
    except redis.RedisError as exc:
        _rests_until = now + REST_SECONDS
        logger.warning("requests are not counted", extra={"error": type(exc).__name__, "seconds": REST_SECONDS})
        return None
    return total


def seconds_left(*, window_seconds: int) -> float:
    """Until the next window begins."""
    return window_seconds - time.time() % window_seconds


@cache
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS)
