"""Adds the job to the log lines and trace spans of its steps, in every process."""

from collections.abc import Iterator
from contextlib import contextmanager

from studio.observability import log, telemetry
from videos.models import VideoJob


@contextmanager
def step(name: str, job: VideoJob) -> Iterator[None]:
    """A step of the job. Its log lines name the job and the request that created it, and never quote the prompt."""
    with (
        log.context(job_id=str(job.pk), request_id=job.request_id, hiding=(job.prompt,)),
        telemetry.job_span(name, job.pk),
    ):
        yield
