"""Hints to the workers, through RQ. A hint may be lost, late or repeated: the row is the truth."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import django_rq
from django.db import transaction
from redis.exceptions import RedisError

from studio.redis_client import redis_client
from videos.providers.registry import CANCELLING

logger = logging.getLogger(__name__)

Step = Literal["submit", "transfer", "deliver"]
QUEUE_OF: dict[Step, str] = {"submit": "submit", "transfer": "media", "deliver": "webhooks"}
FAILURE_SECONDS = 24 * 3600  # RQ keeps a crashed task that long, for its dashboard
CROWDED = 200  # hints in a queue; above that the sweeper resends none, because more hints only lengthen the queue


def hint(step: Step, row_id: str) -> None:
    """Send the workers a hint that a step is due, after the surrounding transaction commits. Never raises.

    The row is a video job's; for "deliver", a webhook delivery's.
    """
    transaction.on_commit(lambda: _send(step, row_id), robust=True)


def ask_to_cancel(*, provider: str, operation: str) -> None:
    """Have a worker ask the provider to cancel the operation, after the surrounding transaction commits.

    Never raises. A lost hint is not repeated: the job has ended already, and only the provider's work may be saved.
    """
    if provider in CANCELLING and operation:
        transaction.on_commit(lambda: _send_cancellation(provider, operation), robust=True)


def is_crowded(step: Step) -> bool:
    """Whether the queue has more hints than the workers can process soon. Raises RedisError."""
    with _queue(QUEUE_OF[step]) as queue:
        return int(queue.count) >= CROWDED


def lengths() -> dict[str, int]:
    """The number of hints in each queue. Raises RedisError."""
    found = {}
    for name in QUEUE_OF.values():
        with _queue(name) as queue:
            found[name] = int(queue.count)
    return found


def _send(step: Step, row_id: str) -> None:
    try:
        _enqueue(QUEUE_OF[step], step, row_id)
    except RedisError as exc:  # the workers find the row
        logger.warning("hint.failed", extra={"step": step, "row_id": row_id, "reason": str(exc)})


def _send_cancellation(provider: str, operation: str) -> None:
    try:
        _enqueue("media", "cancel", provider, operation)
    except RedisError as exc:
        logger.warning("cancellation.not_sent", extra={"operation": operation, "reason": str(exc)})


def _enqueue(queue_name: str, task: str, *args: str) -> None:
    with _queue(queue_name) as queue:
        queue.enqueue(
            f"videos.tasks.{task}",
            *args,
            result_ttl=0,
            failure_ttl=FAILURE_SECONDS,
            description=f"{task} {args[-1]}",
        )


@contextmanager
def _queue(name: str) -> Iterator[Any]:
    """The queue, on a connection with short time-outs: requests wait for it, and the sweeper retries."""
    with redis_client() as client:
        yield django_rq.get_queue(name, connection=client)
