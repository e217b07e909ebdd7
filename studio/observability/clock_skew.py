"""The difference between this machine's clock and the database's, for `doctor` and `/readyz`.

Tokens and schedules compare times that different machines wrote. Two machines may differ by CLOCK_LEEWAY_SECONDS, so
each may differ from the database by half of that.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from studio.observability.health import Finding, Health

Clock = Callable[[], float]


@dataclass(frozen=True)
class Skew:
    """Seconds by which this machine is ahead of the database (negative: behind), give or take `error`."""

    seconds: float
    error: float  # half of the round trip

    def is_surely_above(self, limit: float) -> bool:
        """Whether it exceeds `limit` seconds, at whatever point of the round trip the database read its clock."""
        return abs(self.seconds) - self.error > limit


def measure(*, database: Clock, here: Clock = time.time, elapsed: Clock = time.monotonic) -> Skew:
    """Read both clocks, in seconds since 1970; `elapsed` times the round trip, and is monotonic."""
    asked_at, begun = here(), elapsed()
    theirs = database()
    round_trip = elapsed() - begun
    return Skew(seconds=asked_at + round_trip / 2 - theirs, error=round_trip / 2)


def finding() -> Finding:
    """The health check. Raises DatabaseError."""
    if connection.vendor == "sqlite":
        return Finding(Health.OK, "SQLite uses this machine's clock.")
    connection.ensure_connection()  # so that connecting is not part of the round trip
    return finding_for(measure(database=_database_clock))


def finding_for(skew: Skew) -> Finding:
    """The finding for a difference: degraded above half of CLOCK_LEEWAY_SECONDS."""
    limit = settings.CLOCK_LEEWAY_SECONDS / 2
    if not skew.is_surely_above(limit):
        return Finding(Health.OK, f"This machine's clock and the database's differ by less than {limit:.0f} s.")
    direction = "ahead of" if skew.seconds > 0 else "behind"
    return Finding(
        Health.DEGRADED,
        f"This machine's clock is {abs(skew.seconds):.1f} s {direction} the database's (±{skew.error:.1f} s): from "
        f"{settings.CLOCK_LEEWAY_SECONDS} s on, other machines refuse its tokens. Set both by NTP.",
    )


def _database_clock() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")  # a number: no time zone to misread
        return float(cursor.fetchone()[0])
