"""Hints to the workers, through RQ. A hint may be lost, late, or come five times: the job's row is the truth."""

import logging
from functools import cache
from typing import Any, Literal

import django_rq
from django.db import transaction
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

Step = Literal["submit", "transfer"]
QUEUE_OF: dict[Step, str] = {"submit": "submit", "transfer": "media"}
FAILURE_SECONDS = 24 * 3600  # how long RQ keeps a crashed task for its dashboard
CROWDED = 200  # hints in a queue beyond which no lost one is sent again; more would only make the wait longer


def hint(step: Step, job_id: str) -> None:
    """Tell the workers that a job's step is due, once the surrounding transaction is committed. Never raises."""
    transaction.on_commit(lambda: _send(step, job_id), robust=True)


def is_crowded(step: Step) -> bool:
    """Whether the workers have more hints than they can follow soon. Raises RedisError."""
    return int(_queue(QUEUE_OF[step]).count) >= CROWDED


def lengths() -> dict[str, int]:
    """How many hints wait in each queue. Raises RedisError."""
    return {name: int(_queue(name).count) for name in QUEUE_OF.values()}


def _send(step: Step, job_id: str) -> None:
    try:
        _queue(QUEUE_OF[step]).enqueue(
            f"videos.tasks.{step}", job_id, result_ttl=0, failure_ttl=FAILURE_SECONDS, description=f"{step} {job_id}"
        )
    except RedisError as exc:  # the sweeper sends it again
        logger.warning("hint not sent", extra={"step": step, "job_id": job_id, "reason": str(exc)})


@cache
def _queue(name: str) -> Any:
    queue = django_rq.get_queue(name)
    # No retries: a request waits for this, and the sweeper is the retry.
    queue.connection.set_retry(Retry(NoBackoff(), 0))
    return queue
