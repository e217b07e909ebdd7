"""The tasks that RQ calls, with ids only. A worker imports only the steps of its queues."""

from importlib import import_module

STEP_MODULES = {"submit": "videos.engine.submit", "media": "videos.engine.transfer"}  # by queue


def preload(queues: list[str]) -> None:
    """Import the steps of these queues now rather than at the first job."""
    for name in queues:
        import_module(STEP_MODULES[name])


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
