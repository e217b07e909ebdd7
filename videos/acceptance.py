"""What the log line `operation accepted` says of a job, and what reading that line gives back.

After a restore the line is all that is left of a job that was bought since the backup: `adopt_operation` makes the
job's row again from it.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from studio.errors import InvalidInput
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.models import VideoJob

EVENT = "operation accepted"


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """A video that the provider has accepted, and so is paid for, and that may have no row.

    `upstream_model` "" stands for the one that the catalogue has for the provider, `job_id` None for an id made from
    the operation.
    """

    owner: str
    provider: str
    model: str
    operation: str
    job_id: uuid.UUID | None = None
    upstream_model: str = ""
    resolution: str = RESOLUTIONS[0]
    aspect_ratio: str = ASPECT_RATIOS[0]
    duration_seconds: int = DURATIONS_SECONDS[0]
    generate_audio: bool = False
    is_free: bool = False


def facts_of(job: VideoJob, operation: str) -> dict[str, Any]:
    """What the line says: all that the job's row needs, and no word of the prompt.

    `request_digest` (`Order.digest`) shows later whether a prompt and pictures are those of this job.
    """
    return {
        "job_id": job.pk,
        "owner_id": job.owner_id,
        "provider": job.provider,
        "model": job.model,
        "upstream_model": job.upstream_model,
        "resolution": job.resolution,
        "aspect_ratio": job.aspect_ratio,
        "duration_seconds": job.duration_seconds,
        "generate_audio": job.generate_audio,
        "tokens": job.tokens_charged,
        "request_digest": job.request_digest,
        "operation": operation,
    }


def purchases_in(lines: Iterable[str]) -> Iterator[Purchase]:
    """The purchases in a log of JSON lines (`LOG_FORMAT=json`), in its order; other lines are passed over.

    Raises InvalidInput for a line of this event that lacks something.
    """
    for number, line in enumerate(lines, start=1):
        if EVENT not in line:
            continue
        try:
            facts = json.loads(line[line.index("{") :])  # journald and Docker may write a time before it
        except ValueError as exc:
            raise InvalidInput(f"Line {number} is no line of JSON; the log has to be one of LOG_FORMAT=json.") from exc
        if isinstance(facts, Mapping) and facts.get("message") == EVENT:
            yield _purchase(number, facts)


def _purchase(number: int, facts: Mapping[str, Any]) -> Purchase:
    try:
        return Purchase(
            job_id=uuid.UUID(facts["job_id"]),
            owner=facts["owner_id"],
            provider=facts["provider"],
            model=facts["model"],
            upstream_model=facts["upstream_model"],
            resolution=facts["resolution"],
            aspect_ratio=facts["aspect_ratio"],
            duration_seconds=int(facts["duration_seconds"]),
            generate_audio=bool(facts["generate_audio"]),
            is_free=not facts["tokens"],
            operation=facts["operation"],
        )
    except (KeyError, TypeError, ValueError) as exc:
        reason = f"it lacks {exc}" if isinstance(exc, KeyError) else str(exc)
        raise InvalidInput(f"Line {number} cannot be used: {reason}. Adopt its operation by hand (--owner).") from exc
