"""The tasks that RQ calls, with ids only. A worker imports only the steps of its queues."""

from importlib import import_module

from videos.engine import unclaimed
from videos.engine.hints import QUEUE_OF, Step

STEP_OF: dict[str, Step] = {queue: step for step, queue in QUEUE_OF.items()}

STEP_MODULES = {  # by queue
    "submit": "videos.engine.submit",
    "media": "videos.engine.transfer",
    "webhooks": "videos.webhooks.delivery",
}


def preload(queues: list[str]) -> None:
    """Import the steps of these queues now rather than at the first job."""
    for name in queues:
        import_module(STEP_MODULES[name])


def take(queue: str, *, limit: int) -> list[str]:
    """The ids of up to `limit` rows of the queue that are due and that no hint has started.

    Raises DatabaseError and InterfaceError.
    """
    if queue == QUEUE_OF["deliver"]:
        from videos.webhooks import delivery  # noqa: PLC0415 - see the module

        return delivery.take(limit=limit)
    return unclaimed.take(step=STEP_OF[queue], limit=limit)


def submit(job_id: str) -> None:
    """Hand a queued job to its provider."""
    from videos.engine import submit  # noqa: PLC0415 - see the module

    submit.submit(job_id=job_id)


def transfer(job_id: str) -> None:
    """Fetch a finished video and store it."""
    from videos.engine import transfer  # noqa: PLC0415 - see the module

    transfer.transfer(job_id=job_id)


def cancel(provider: str, operation: str) -> None:
    """Ask the provider to cancel an operation whose job has ended."""
    from videos.engine import cancellation  # noqa: PLC0415 - see the module

    cancellation.ask_provider(provider_name=provider, operation=operation)


def deliver(delivery_id: str) -> None:
    """Send a message to a webhook."""
    from videos.webhooks import delivery  # noqa: PLC0415 - see the module

    delivery.deliver(delivery_id=delivery_id)
