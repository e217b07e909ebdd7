"""Imports video jobs, and their links to looks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from accounts import ledger
from looks.models import Look, LookVideo
from operations.legacy_import.looks import existing_users
from operations.legacy_import.mover import Item, Mover, uuids
from operations.legacy_import.schema import JOBS, LINKS
from operations.legacy_import.source import Row
from operations.legacy_import.values import (
    FILE_NAME_MAX,
    UnusableRow,
    created_and_updated,
    file_name,
    identifier,
    moment,
    short,
    whole,
)
from studio.media.storage import external, media_storage
from studio.media.storage.base import poster_url
from videos.failures import FAILURES, is_refunded
from videos.limits import add_to_job_count
from videos.models import IMPORTED, Event, VideoJob, events
from videos.phases import Phase

UNFINISHED, LOST, CANCELLED = "unfinished_at_move", "lost_before_move", "cancelled_before_move"
FAILED = "generation_failed"  # the legacy system has no codes, only words
CODES = {"PENDING": UNFINISHED, "RUNNING": UNFINISHED, "FAILED": FAILED, "CANCELLED": CANCELLED}
DURATION = 8  # seconds; the contract's default, for a job without a duration
SMALLINT_MAX = 32_767


class JobMover(Mover[VideoJob]):
    """Video jobs. None is submitted again: a job that is unfinished in the source fails here."""

    table = JOBS
    order = ("id",)

    def prepare(self, rows: Sequence[Row]) -> None:
        """Find the jobs and the owners that exist here."""
        jobs = VideoJob.objects.filter(pk__in=uuids(row["id"] for row in rows))
        self._here = dict(jobs.values_list("pk", "error_code"))
        self._owners = existing_users(row["user_id"] for row in rows)

    def is_moved(self, row: Row) -> bool:
        """By id; reports a job that succeeded in the source after the move."""
        job_id = identifier(row["id"], of="id")
        if self._here.get(job_id) == UNFINISHED and _status(row) == "SUCCEEDED":
            sentence = "It has succeeded since it was moved; nothing is changed. Delete it here to move it again."
            self.report.add(self.table.name, str(job_id), "differs", sentence)
        return job_id in self._here

    def convert(self, row: Row, changes: list[str]) -> VideoJob:
        """Make a finished job. Raises UnusableRow if its owner does not exist here, or its file is unusable."""
        owner_id, status = identifier(row["user_id"], of="owner"), _status(row)
        if owner_id not in self._owners:
            raise UnusableRow(f"Its owner {owner_id} does not exist here.")
        if status not in {"SUCCEEDED", *CODES}:
            raise UnusableRow(f"The status {row['status']!r} is unknown.")
        created_at, updated_at = created_and_updated(row)
        job = VideoJob(
            id=identifier(row["id"], of="id"),
            owner_id=owner_id,
            provider=IMPORTED,
            operation=str(row["google_operation_name"] or IMPORTED)[:1000],
            tokens_charged=max(whole(row["tokens_consumed"]) or 0, 0),
            started_at=moment(row["started_at"]),
            completed_at=moment(row["completed_at"]) or updated_at,
            created_at=created_at,
            updated_at=updated_at,
            **_request(row, changes),
        )
        if status == "SUCCEEDED" and str(row["cloudinary_url"] or "").strip():
            self._succeed(job, str(row["cloudinary_url"]).strip())
        else:
            self._fail(job, row, CODES.get(status, LOST), changes)
        return job

    def write(self, items: Sequence[Item[VideoJob]]) -> None:
        """Insert the jobs, and refund unfinished ones as the policy says."""
        super().write(items)
        for owner_id, number in Counter(item.made.owner_id for item in items).items():
            add_to_job_count(user_id=owner_id, more=number)
        for item in items:
            job = item.made
            if job.error_code == UNFINISHED and is_refunded(UNFINISHED, policy=settings.REFUND_POLICY):
                note = FAILURES[UNFINISHED].message
                tokens = ledger.refund_imported(
                    user_id=job.owner_id, job_id=job.pk, tokens=job.tokens_charged, note=note
                )
                VideoJob.objects.filter(pk=job.pk).update(tokens_refunded=tokens)
                self.report.tokens["refunded"] += tokens
        events.record(Event.Kind.CREATED, [(item.made.owner_id, item.made.pk) for item in items])

    def _succeed(self, job: VideoJob, url: str) -> None:
        storage = media_storage()
        job.phase, job.progress_percentage = Phase.SUCCEEDED, 100
        name = file_name(url, storage=storage, is_shared=url in self.shared_files)
        job.video.name = name
        # Cloudinary makes the poster from the video, and drops both together: nothing to remove
        if not external.url_of(name) and (poster := poster_url(storage=storage, name=name)):
            poster_name = external.name_at(poster)
            job.poster.name = poster_name if len(poster_name) <= FILE_NAME_MAX else ""

    def _fail(self, job: VideoJob, row: Row, code: str, changes: list[str]) -> None:
        job.phase, job.progress_percentage = Phase.FAILED, min(max(whole(row["progress_percentage"]) or 0, 0), 99)
        job.error_code, job.error_message = code, FAILURES[code].message
        job.provider_reply = row["error_message"] or ""
        if code == UNFINISHED:
            changes.append(f"It was {_status(row)} in the source and fails here: it cannot be resumed.")
        if code == LOST:
            changes.append("It SUCCEEDED in the source, but without a file, and fails here.")


class LinkMover(Mover[LookVideo]):
    """Links from looks to videos. Of several defaults of a look, the newest stays the default."""

    table = LINKS
    order = ("look_id", "-created_at", "video_job_id")

    def prepare(self, rows: Sequence[Row]) -> None:
        """Find the links that exist here, and the looks that have a default."""
        look_ids = uuids(row["look_id"] for row in rows)
        self._looks = set(Look.objects.filter(pk__in=look_ids).values_list("pk", flat=True))
        job_ids = uuids(row["video_job_id"] for row in rows)
        self._jobs = set(VideoJob.objects.filter(pk__in=job_ids).values_list("pk", flat=True))
        links = LookVideo.objects.filter(look__in=look_ids)
        self._here = set(links.values_list("look_id", "video_id"))
        self._with_default = set(links.filter(is_default=True).values_list("look_id", flat=True))

    def is_moved(self, row: Row) -> bool:
        return (identifier(row["look_id"], of="look"), identifier(row["video_job_id"], of="video")) in self._here

    def convert(self, row: Row, changes: list[str]) -> LookVideo:
        """Make a link. Raises UnusableRow if its look or video does not exist here."""
        look_id, job_id = identifier(row["look_id"], of="look"), identifier(row["video_job_id"], of="video")
        if look_id not in self._looks:
            raise UnusableRow(f"The look {look_id} does not exist here.")
        if job_id not in self._jobs:
            raise UnusableRow(f"The video {job_id} does not exist here.")
        is_default = bool(row["is_default"])
        if is_default and look_id in self._with_default:
            changes.append("The look has a newer default, so this video is not the default any more.")
            is_default = False
        if is_default:
            self._with_default.add(look_id)
        self._here.add((look_id, job_id))
        created_at, updated_at = created_and_updated(row)
        return LookVideo(
            look_id=look_id, video_id=job_id, is_default=is_default, created_at=created_at, updated_at=updated_at
        )

    def write(self, items: Sequence[Item[LookVideo]]) -> None:
        """Insert the links, which the jobs show."""
        super().write(items)
        VideoJob.objects.filter(pk__in={item.made.video_id for item in items}).record_updates()

    def row_name(self, row: Row) -> str:
        """Name look and video: a link has no id of its own."""
        return f"look {row['look_id']}, video {row['video_job_id']}"


def _status(row: Row) -> str:
    """The status in capitals, without the enum's name in front."""
    return str(row["status"] or "").rpartition(".")[2].upper()


def _request(row: Row, changes: list[str]) -> dict[str, Any]:
    """The requested options, even if current rules refuse them. Raises UnusableRow if a column cannot hold one."""
    duration = whole(row["duration_seconds"])
    if duration is None:
        changes.append(f"It has no duration; {DURATION} s is assumed.")
        duration = DURATION
    if not 0 <= duration <= SMALLINT_MAX:
        raise UnusableRow(f"The duration {duration} s is out of range.")
    aspect_ratio = str(row["aspect_ratio"] or "")
    if len(aspect_ratio) > 10:
        raise UnusableRow(f"{aspect_ratio!r} is not an aspect ratio.")
    return {
        "prompt": row["prompt"] or "",
        "model": short(row["model"], most=100, field="model", changes=changes),
        "resolution": short(row["resolution"], most=20, field="resolution", changes=changes),
        "aspect_ratio": aspect_ratio,
        "duration_seconds": duration,
        "generate_audio": bool(row["generate_audio"]),
        "mock_mode": bool(row["mock_mode"]),
    }
