"""What RQ calls: one line a step, with the job's id and nothing else."""

from videos import generation
from videos import transfer as transfers


def submit(job_id: str) -> None:
    """Hand a queued job to its provider."""
    generation.submit(job_id=job_id)


def transfer(job_id: str) -> None:
    """Fetch a finished video and store it."""
    transfers.transfer(job_id=job_id)
