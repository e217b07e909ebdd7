"""The report on a job, for operators: row, timeline, ledger, files, the provider's raw reply."""

from typing import Any

from django.core.files.storage import Storage

from accounts.models import LedgerEntry
from studio.errors import Conflict, InvalidInput, NotFound
from studio.media.storage import media_storage
from studio.models import ID_PREFIX_MIN, ids_with_prefix
from videos.failures import ADOPTABLE
from videos.models import VideoJob
from videos.phases import Phase
from videos.recovery.resumption import can_resume

# Commands that an operator may want next, by phase.
NEXT = {
    Phase.FAILED: ("jobs retry {id}", "jobs refund {id} --reason …"),
    Phase.SUCCEEDED: ("jobs refund {id} --reason …", "jobs delete {id}"),
}
NEXT_WHILE_LIVE = ("jobs poll {id}", "jobs cancel {id} --reason …")


def find_by_id_prefix(beginning: str) -> VideoJob:
    """The job whose id begins with the text, with or without hyphens. Raises InvalidInput, NotFound or Conflict."""
    span = ids_with_prefix(beginning)
    if span is None:
        raise InvalidInput(f"{beginning!r} is not the beginning of an id: {ID_PREFIX_MIN} or more of 0-9 and a-f.")
    found = list(VideoJob.objects.select_related("owner").filter(pk__range=span).order_by("pk")[:2])
    if not found:
        raise NotFound(f"No video job has an id that begins with {beginning}.")
    if len(found) > 1:
        raise Conflict(
            f"Several ids begin with {beginning}, such as {found[0].pk} and {found[1].pk}; give more characters."
        )
    return found[0]


def summary(job: VideoJob) -> dict[str, Any]:
    """A job in a list; its owner must be loaded."""
    return {
        "id": str(job.pk),
        "status": job.status.value,
        "phase": job.phase,
        "progress": job.progress_percentage,
        "owner": job.owner.email,
        "provider": job.provider,
        "model": job.model,
        "mock": job.mock_mode,
        "error": job.error_code or None,
        "created_at": job.created_at,
        "completed_at": job.completed_at,
    }


def report(job: VideoJob) -> dict[str, Any]:
    """The whole report, as values for JSON. Asks the storage whether it has the files."""
    row = {field.attname: getattr(job, field.attname) for field in job._meta.concrete_fields}
    row |= {"video": job.video.name or "", "poster": job.poster.name or "", "status": job.status.value}
    reply = row.pop("provider_reply")
    entries = LedgerEntry.objects.filter(video_job_id=job.pk).order_by("created_at", "id")
    inputs = list(job.inputs.order_by("role", "position").values("role", "position", "file_name", "content_type"))
    names = [name for name in (row["video"], row["poster"], *(picture["file_name"] for picture in inputs)) if name]
    commands: tuple[str, ...] = NEXT.get(Phase(job.phase), NEXT_WHILE_LIVE)
    if job.error_code in ADOPTABLE:
        commands = (f"adopt_operation {{id}} {job.operation or 'NAME'}", *commands)
    if can_resume(job):
        commands = ("jobs resume {id}", *commands)
    return {
        "job": row | {"owner": job.owner.email},
        "looks": list(job.look_videos.order_by("created_at", "id").values("look_id", "look__title", "is_default")),
        "log": list(job.logs.order_by("timestamp", "id").values("timestamp", "level", "message")),
        "ledger": list(entries.values("id", "kind", "amount", "balance_after", "note", "created_at")),
        "inputs": inputs,
        "files": [_file(media_storage(), name) for name in names],
        "provider_reply": reply,
        "next": [f"manage.py {command.format(id=job.pk)}" for command in commands],
    }


def _file(storage: Storage, name: str) -> dict[str, Any]:
    try:
        bytes_: int | None = storage.size(name) if storage.exists(name) else None
        state = "stored" if bytes_ is not None else "missing"
    except (OSError, NotImplementedError) as exc:
        bytes_, state = None, f"unknown: {exc}"
    return {"name": name, "url": storage.url(name), "bytes": bytes_, "state": state}
