"""Counts what happens in a window of the clock, for all processes in Redis; no count where Redis is away."""

import logging
import threading
import time
from dataclasses import dataclass

import redis

from studio.redis_client import CircuitOpen, redis_client

logger = logging.getLogger(__name__)

KEPT = 10_000  # counts in a process, of all windows; of a forgotten one less than a step is lost


def count(key: str, *, window_seconds: int, step: int = 1) -> int | None:
    """Add one, and tell how many there are in this window of the clock; None where nobody can tell.

    A process sends what it has counted in steps. It knows all of its own, and of the others what Redis told it last; so
    each process may let through less than a step too much.
    """
    name = f"count:{key}:{int(time.time() // window_seconds)}"
    known, unsent = _tally.add(name, step)
    if not unsent:
        return known
    try:
        with redis_client() as client:
            total = int(client.incr(name, unsent))
            if total == unsent:
                client.expire(name, window_seconds)
    except CircuitOpen:
        return None
    except redis.RedisError as exc:
        logger.warning("requests are not counted", extra={"error": type(exc).__name__})
        return None
    _tally.learn(name, total)
    return total


@dataclass
class _Count:
    """Of a window: all that Redis knew when it was last asked, and what this process has counted since."""

    sent: int = 0
    unsent: int = 0


class _Tally:
    """What this process counts between two commands to Redis."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def add(self, name: str, step: int) -> tuple[int, int]:
        """Count one: how many are known now, and how many of them to send, 0 before a step is full."""
        with self._lock:
            count = self._counts.get(name)
            if count is None:
                if len(self._counts) >= KEPT:
                    self._counts.clear()
                self._counts[name] = count = _Count()
            count.unsent += 1
            if count.sent and count.unsent < step:
                return count.sent + count.unsent, 0
            unsent, count.unsent = count.unsent, 0
            return count.sent + unsent, unsent

    def learn(self, name: str, total: int) -> None:
        """Redis has counted so many."""
        with self._lock:
            if name in self._counts:
                self._counts[name].sent = max(self._counts[name].sent, total)


_tally = _Tally()


def seconds_left(*, window_seconds: int) -> float:
    """Until the next window begins."""
    return window_seconds - time.time() % window_seconds
