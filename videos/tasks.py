"""What RQ calls: one line a step, with the job's id and nothing else. A worker loads what its queue's steps need."""

from importlib import import_module

STEP_MODULES = {"submit": "videos.engine.generation", "media": "videos.engine.transfer"}  # by queue


def preload(queues: list[str]) -> None:
    """Load it now: not at the first job, and not in every fork."""
    for name in queues:
        import_module(STEP_MODULES[name])


def submit(job_id: str) -> None:
    """Hand a queued job to its provider."""
    from videos.engine import generation  # noqa: PLC0415 - see the module

    generation.submit(job_id=job_id)


def transfer(job_id: str) -> None:
    """Fetch a finished video and store it."""
    from videos.engine import transfer  # noqa: PLC0415 - see the module

    transfer.transfer(job_id=job_id)
