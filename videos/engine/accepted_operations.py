"""Writes and reads the log line of an accepted operation.

After a restore, only this line remains of a job that was submitted since the backup. `adopt_operation` recreates the
job's row from it.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from studio.errors import InvalidInput, as_sent
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.models import OPERATION_MAX, VideoJob

EVENTS = ("operation.accepted", "operation accepted")  # the latter in logs of releases before 1.1
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class AcceptedOperation:
    """An accepted and therefore billed operation, whose job may have lost its row.

    `upstream_model` "": the provider's only model in the catalogue. `job_id` None: derive the id from the operation.
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
    """The line's extras: everything that the job's row needs, and nothing of the prompt.

    `request_digest` (`VideoJobRequest.digest`) shows later whether a prompt and pictures belong to this job.
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


def read_log(lines: Iterable[str]) -> Iterator[tuple[int, AcceptedOperation | InvalidInput]]:
    """The accepted operations in a log of JSON lines (`LOG_FORMAT=json`), each with its line number.

    Skips lines of other events. An unusable line of this event yields an error in place of an operation. The error is
    not raised, so that one torn line does not hide the others.
    """
    for number, line in enumerate(lines, start=1):
        if not any(event in line for event in EVENTS):
            continue
        try:
            facts = json.loads(line[line.index("{") :])  # journald and Docker may write a time before it
        except (ValueError, RecursionError):
            yield (
                number,
                InvalidInput("It is not a line of JSON; the log must be complete, and written with LOG_FORMAT=json."),
            )
            continue
        if isinstance(facts, Mapping) and facts.get("message") in EVENTS:
            try:
                yield number, _from_line(facts)
            except InvalidInput as exc:
                yield number, exc


def _from_line(facts: Mapping[str, Any]) -> AcceptedOperation:
    try:
        job_id = uuid.UUID(_text(facts, "job_id"))
    except ValueError as exc:
        raise InvalidInput(f"Its job_id is not a UUID: {as_sent(facts['job_id'])}.") from exc
    return AcceptedOperation(
        job_id=job_id,
        owner=_text(facts, "owner_id"),
        provider=_text(facts, "provider"),
        model=_text(facts, "model"),
        upstream_model=_text(facts, "upstream_model"),
        resolution=_text(facts, "resolution"),
        aspect_ratio=_text(facts, "aspect_ratio"),
        duration_seconds=_value(facts, "duration_seconds", int, "a whole number"),
        generate_audio=_value(facts, "generate_audio", bool, "true or false"),
        is_free=not _value(facts, "tokens", int, "a whole number"),
        operation=_text(facts, "operation"),
    )


def _value(facts: Mapping[str, Any], name: str, kind: type[_T], words: str) -> _T:
    """The value under this name. Raises InvalidInput where it is missing or of another type."""
    if name not in facts:
        raise InvalidInput(f"It lacks {name}.")
    value = facts[name]
    if type(value) is not kind:  # to isinstance, true is a whole number
        raise InvalidInput(f"Its {name} must be {words}, not {as_sent(value)}.")
    return value


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = _value(facts, name, str, "text")
    if not value.isprintable() or len(value) > OPERATION_MAX:
        raise InvalidInput(f"Its {name} must be at most {OPERATION_MAX} printable characters: {as_sent(value)}.")
    return value
