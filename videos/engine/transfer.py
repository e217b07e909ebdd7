"""The transfer step: fetch the finished file, check it, store it with a poster, and only then mark the job SUCCEEDED.

A playable video is delivered even where its length or aspect ratio differs from the request: it was paid for. The job
then shows the delivered values, and its timeline names the difference.
"""

import fcntl
import hashlib
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.db import connection, models, transaction
from django.utils import timezone

from studio.db.statements import Param, SelectModels
from studio.media.storage import disposal, store
from studio.media.storage.base import FileRefused
from videos.engine import log_context, metrics, schedule, transfer_failures
from videos.engine.inputs import drop_inputs, spec_of
from videos.engine.transfer_failures import BrokenFile
from videos.media import mp4
from videos.models import JobLog, VideoJob, from_now, new_lease, whole_seconds
from videos.phases import Phase
from videos.providers.registry import provider

logger = logging.getLogger(__name__)

DURATION_TOLERANCE = 0.5  # seconds; providers round to whole frames and pad the audio
UPLOADING = 95  # percent, as displayed from then on
LOCK_NAME = "lock"
YOUNG_SECONDS = 60
PROVENANCE_LOST = (
    "The sound was removed, as requested, and with it the Content Credentials (C2PA), "
    "which vouch for the original file only."
)


class LeaseLost(Exception):
    """Another process has claimed the job, or it was deleted."""


@dataclass(frozen=True)
class Video:
    """The file to store, its properties, and whether it lost its C2PA manifest here."""

    path: Path
    facts: mp4.VideoFacts
    lost_provenance: bool


def transfer(*, job_id: str) -> None:
    """Fetch and store the video of a job. Does nothing for a job that is not due for it."""
    for job in _STORING.all(id=job_id):
        with log_context.step("transfer", job):
            _transfer(job)


_STORING = SelectModels(
    VideoJob, lambda: VideoJob.objects.filter(pk=Param("id", models.UUIDField()), phase=Phase.STORING).order_by()
)


def _transfer(job: VideoJob) -> None:
    lease, expiry = new_lease(), from_now(schedule.TRANSFER_LEASE)
    if not VideoJob.objects.claimable().update_fenced(job, lease=lease, lease_until=expiry, due_at=expiry):
        return
    job.lease = lease
    began_at = time.monotonic()
    try:
        with _lease_kept(job), _work_folder() as folder:
            _deliver(job, folder)
    except LeaseLost:
        logger.warning("transfer.lease_lost", extra={"job_id": job.pk})
    except Exception as exc:  # the edge of a task: the row says what happens next
        metrics.TRANSFERS.observe(time.monotonic() - began_at, "failed")
        transfer_failures.retry_or_fail(job, exc)
    else:
        metrics.TRANSFERS.observe(time.monotonic() - began_at, "stored")


def _deliver(job: VideoJob, folder: Path) -> None:
    original, poster = folder / "video.mp4", folder / "poster.jpg"
    provider(job.provider).fetch(job.result, spec_of(job), original)
    try:
        video = _checked(job, original)
        mp4.write_poster(path=video.path, destination=poster)
    except mp4.NotAVideo as exc:
        raise BrokenFile(str(exc), sha256=_sha256(original)) from exc
    names = job.file_names
    _register(job, names)
    stored = {"video": _store(names["video"], video.path), "poster": _store_poster(job, names["poster"], poster)}
    metrics.BYTES.observe(video.facts.size_bytes, job.provider)
    _succeed(job, names, made=video, digest=_sha256(video.path), **stored)


def _register(job: VideoJob, names: dict[str, str]) -> None:
    """Register the files that are about to be stored, so that leftovers are removed. Raises LeaseLost.

    Under the fence: a late process must not mark files for removal that another one has stored for good.
    """
    with transaction.atomic():
        if not VideoJob.objects.show_progress(job, UPLOADING):
            raise LeaseLost
        disposal.register(*names.values())


def _checked(job: VideoJob, original: Path) -> Video:
    """The file to deliver: a whole MP4, without sound where none was requested. Raises NotAVideo."""
    facts = mp4.inspect(path=original)
    if job.generate_audio or not facts.has_audio:
        return Video(original, facts, lost_provenance=False)
    silent = original.with_name("silent.mp4")
    mp4.without_audio(path=original, destination=silent)
    return Video(silent, mp4.inspect(path=silent, is_copy=True), lost_provenance=facts.has_provenance)


def _differences(job: VideoJob, facts: mp4.VideoFacts) -> dict[str, str]:
    """What differs from the request, each with a sentence for the owner."""
    found = {}
    if abs(facts.duration_seconds - job.duration_seconds) > DURATION_TOLERANCE:
        seconds = whole_seconds(facts.duration_seconds)
        unit = "second" if seconds == 1 else "seconds"
        found["length"] = f"The video is {seconds} {unit} long instead of {job.duration_seconds}."
    if facts.aspect_ratio != job.aspect_ratio:
        found["aspect_ratio"] = f"The video's aspect ratio is {facts.aspect_ratio} instead of {job.aspect_ratio}."
    return found


def _store(name: str, path: Path) -> str:
    with path.open("rb") as file:
        return store(name=name, content=File(file, name=name))


def _store_poster(job: VideoJob, name: str, path: Path) -> str:
    """The stored name, or "" where the storage refuses the poster or the last try fails: the video does not wait.

    Raises the storage's error while tries are left.
    """
    try:
        return _store(name, path)
    except OSError as exc:  # a StorageError is one
        if not isinstance(exc, FileRefused) and job.attempts + 1 < schedule.TRANSFER_TRIES:
            raise
        logger.warning("poster.store_failed", extra={"job_id": job.pk, "reason": str(exc)})
        return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _succeed(job: VideoJob, names: dict[str, str], *, made: Video, video: str, poster: str, digest: str) -> None:
    differences = _differences(job, made.facts)
    with transaction.atomic():
        if not VideoJob.objects.transition(
            job,
            Phase.SUCCEEDED,
            video=video,
            poster=poster,
            video_sha256=digest,
            delivered_seconds=made.facts.duration_seconds if "length" in differences else None,
            delivered_aspect_ratio=made.facts.aspect_ratio if "aspect_ratio" in differences else "",
            progress_percentage=100,
            provider_reply="",
            storage_refusal="",
        ):
            logger.warning("transfer.dropped", extra={"job_id": job.pk})
            if not VideoJob.objects.filter(pk=job.pk).exists():  # else another process stores the same names
                disposal.dispose([video, poster])
            return
        # without a poster, one that an earlier try has stored stays registered for removal
        disposal.adopt(names["video"], video, *([names["poster"], poster] if poster else []))
        drop_inputs(job=job)
        for what, sentence in differences.items():
            job.log(sentence, level=JobLog.Level.WARNING)
            metrics.count_difference(job, what)
        if made.lost_provenance:
            job.log(PROVENANCE_LOST)
        job.log("The video is ready.")
        metrics.count_end(Phase.SUCCEEDED, "")
    metrics.SECONDS_TO_VIDEO.observe((timezone.now() - job.created_at).total_seconds(), job.provider)
    logger.info("job.succeeded", extra={"job_id": job.pk})


@contextmanager
def _lease_kept(job: VideoJob) -> Iterator[None]:
    """Renew the lease while the block runs, which may take longer than one lease; a frozen process stops renewing."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(schedule.RENEWAL):
            try:
                expiry = from_now(schedule.TRANSFER_LEASE)
                VideoJob.objects.update_fenced(job, lease_until=expiry, due_at=expiry)
            except Exception:  # the edge of a thread; two more tries fit into the lease, and then the fence decides
                logger.exception("lease.renew_failed", extra={"job_id": job.pk})
                connection.close()
        connection.close()

    # the context carries the log context of the job
    thread = threading.Thread(target=copy_context().run, args=(renew,), name=f"lease {job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder for one transfer. Also removes folders of killed processes, whose locks are free."""
    root: Path = settings.WORK_DIR
    root.mkdir(parents=True, exist_ok=True)
    for leftover in root.iterdir():
        _remove_if_abandoned(leftover)
    folder = Path(tempfile.mkdtemp(dir=root))
    with (folder / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        if time.time() - folder.stat().st_mtime < YOUNG_SECONDS:  # its process may be about to lock it
            return
        with (folder / LOCK_NAME).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # in use, or just being made or removed by another process
        return
