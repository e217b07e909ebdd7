"""The lease, the back-off and the limits of webhook deliveries, in seconds, each with its source.

They nest: an attempt (client.SECONDS, 15) < a turn and an attempt < a lease < the RQ job (settings.RQ_QUEUES: 180).
"""

import random

# Between two attempts: the example of Standard Webhooks 1.0. Each is shortened by up to a tenth, at random, so that the
# messages of an outage do not all return at once; that makes 72 hours in the mean.
BACKOFF = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
ATTEMPTS_MOST = len(BACKOFF) + 1
LEASE = 60  # an attempt that has not reported back by then counts as dead
TURN = 10  # for which a thread sends an endpoint's further messages, before it takes another endpoint's

AT_ONCE_MOST = 2  # messages that an endpoint is being sent at a time, so that a slow receiver cannot take all threads
FAILING_AT_ONCE_MOST = 1  # ... while its attempts fail
OWNER_AT_ONCE_MOST = 4  # ... to all endpoints of an owner

DISABLED_AFTER = 5 * 24 * 3600  # of nothing but failures


def backoff(attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    return BACKOFF[attempts - 1] * random.uniform(0.9, 1)  # noqa: S311 - no secret
