"""Fills an account with looks, and with videos in every state, for a first view of the product."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from accounts import ledger
from accounts.models import User
from looks import defaults, use_cases
from looks.models import Look
from operations.demo.looks import LOOKS, DemoLook
from studio.media.storage import disposal, store
from videos import catalogue, creation
from videos.engine import outcomes
from videos.failures import FAILURES, is_refunded
from videos.job_requests import VideoJobRequest
from videos.limits import MAX_UNFINISHED_JOBS, VIDEO_PRICE_TOKENS, add_to_job_count
from videos.media import mp4
from videos.models import Event, JobLog, VideoJob, events
from videos.phases import Phase
from videos.providers.mock import size_of
from videos.providers.mock_video import run_encoder

SECONDS = 4  # of every video here
RESOLUTION, ASPECT_RATIO = "720p", "9:16"
DURATION = timedelta(seconds=40)  # of a finished job, from its start to its end
RENDER_SECONDS = 90  # time-out; a clip takes a few seconds on two cores


@dataclass(frozen=True)
class DemoVideo:
    """A video of the demo account, identified by its prompt. The engine makes the QUEUED ones."""

    prompt: str
    phase: Phase
    look: str = ""  # the title
    is_default: bool = False
    error_code: str = ""
    hours_ago: int = 0


VIDEOS = (
    DemoVideo("Silk falls in slow motion, close up", Phase.SUCCEEDED, hours_ago=50),
    DemoVideo("The gown moves in a slow wind", Phase.SUCCEEDED, "Stone Essence", is_default=True, hours_ago=47),
    DemoVideo("A storm tears at the gown", Phase.FAILED, "Stone Essence", error_code="content_filtered", hours_ago=46),
    DemoVideo("A walk on wet pavement, collar up", Phase.SUCCEEDED, "City Rain", is_default=True, hours_ago=27),
    DemoVideo("Noon light, one step to the left", Phase.SUCCEEDED, "Harbour Stripe", is_default=True, hours_ago=22),
    DemoVideo("One turn, and the pleats open", Phase.FAILED, "Moss & Ivory", error_code="provider_busy", hours_ago=3),
    DemoVideo("The shawl flies in the evening wind", Phase.QUEUED, "Terracotta Evening"),
    DemoVideo("Moonlight creeps over the coat [mock:slow=900]", Phase.QUEUED, "Midnight Wool"),  # runs for 15 min
)


def fill(*, user: User) -> Iterator[str]:
    """Add the missing looks and videos; yield a description of each once it is added.

    Grants the price of each video. Raises the exceptions of `creation.create` and `run_encoder`.
    """
    for demo in LOOKS:
        if not user.looks.filter(title=demo.title).exists():
            yield _add_look(user, demo)
    for video in _missing(user):
        yield _add_video(user, video)


def _add_look(user: User, demo: DemoLook) -> str:
    picture, products = demo.read()
    use_cases.create_look(
        owner=user,
        title=demo.title,
        notes=demo.notes,
        visibility=demo.visibility,
        image=picture,
        products=products,
    )
    return f"look “{demo.title}”"


def _add_video(user: User, video: DemoVideo) -> str:
    look = user.looks.filter(title=video.look).order_by("created_at", "id").first() if video.look else None
    if video.phase == Phase.QUEUED:
        _grant(user)
        job = creation.create(owner=user, job_request=_request(video, look))
    else:
        job = _create_finished(user, video, look)
    return f"video “{video.prompt}”, {job.status}"


def _grant(user: User) -> None:
    if not user.token_account.unlimited:
        ledger.grant(user=user, tokens=VIDEO_PRICE_TOKENS, note="for a demo video")
        user.token_account.refresh_from_db(fields=["balance"])


def _missing(user: User) -> list[DemoVideo]:
    """The videos that the account lacks; of the unfinished ones, as many as it has free slots."""
    known = set(user.video_jobs.filter(prompt__in=[video.prompt for video in VIDEOS]).values_list("prompt", flat=True))
    missing = [video for video in VIDEOS if video.prompt not in known]
    free = MAX_UNFINISHED_JOBS - user.video_jobs.live().count()
    live = [video for video in missing if video.phase == Phase.QUEUED][:free]
    return [video for video in missing if video.phase != Phase.QUEUED or video in live]


def _request(video: DemoVideo, look: Look | None) -> VideoJobRequest:
    return VideoJobRequest(
        prompt=video.prompt,
        model=catalogue.DEFAULT_MODEL,
        resolution=RESOLUTION,
        aspect_ratio=ASPECT_RATIO,
        duration_seconds=SECONDS,
        generate_audio=False,
        mock_mode=True,
        look_id=str(look.pk) if look else "",
    )


def _create_finished(user: User, video: DemoVideo, look: Look | None) -> VideoJob:
    """Create a finished job without running the engine."""
    ended = timezone.now() - timedelta(hours=video.hours_ago)
    job = VideoJob(
        owner=user,
        prompt=video.prompt,
        model=catalogue.DEFAULT_MODEL,
        resolution=RESOLUTION,
        aspect_ratio=ASPECT_RATIO,
        duration_seconds=SECONDS,
        mock_mode=True,
        provider="mock",
        operation="mock",
        phase=video.phase,
        started_at=ended - DURATION,
        completed_at=ended,
    )
    if video.phase == Phase.FAILED:
        job.error_code, job.error_message = video.error_code, FAILURES[video.error_code].message
        _commit(job, look, video, ended)
        return job
    names = (f"videos/{job.pk}.mp4", f"videos/{job.pk}.jpg")
    disposal.register(*names)
    try:
        _render(job, look, *names)
        _commit(job, look, video, ended)
    except BaseException:
        disposal.dispose(names)
        raise
    return job


def _render(job: VideoJob, look: Look | None, video_name: str, poster_name: str) -> None:
    """Make the video and its poster, and store them."""
    with tempfile.TemporaryDirectory() as folder:
        video, poster, first_frame = (Path(folder, name) for name in ("video.mp4", "poster.jpg", "first"))
        if look:
            with look.image.open() as file:
                first_frame.write_bytes(file.read())
        width, height = size_of(RESOLUTION, ASPECT_RATIO)
        run_encoder(
            destination=video,
            width=width,
            height=height,
            duration_seconds=SECONDS,
            generate_audio=False,
            prompt=job.prompt,
            first_frame=first_frame if look else None,
            seed=job.prompt,
            timeout_seconds=RENDER_SECONDS,
        )
        mp4.write_poster(path=video, destination=poster)
        for path, name in ((video, video_name), (poster, poster_name)):
            with path.open("rb") as file:
                store(name=name, content=File(file, name=name))
        job.video.name, job.poster.name = video_name, poster_name
        job.video_sha256, job.progress_percentage = hashlib.sha256(video.read_bytes()).hexdigest(), 100


def _commit(job: VideoJob, look: Look | None, video: DemoVideo, ended: datetime) -> None:
    """Charge and save the job; refund a failed one as the policy says."""
    with transaction.atomic():
        _grant(job.owner)
        account = ledger.lock_account(user_id=job.owner_id)
        job.tokens_charged = ledger.charge(account=account, job_id=job.pk, tokens=VIDEO_PRICE_TOKENS)
        add_to_job_count(user_id=job.owner_id, more=1)
        job.save(force_insert=True)
        VideoJob.objects.filter(pk=job.pk).update(created_at=ended - DURATION)
        disposal.adopt(job.video.name or "", job.poster.name or "")
        _add_timeline(job, ended)
        if look:
            use_cases.link(look_id=look.pk, video_id=job.pk)
        events.record(Event.Kind.CREATED, [(job.owner_id, job.pk)])
        if look and video.is_default:
            defaults.set_default(look_id=look.pk, video_id=job.pk, user=job.owner)
        if video.error_code and is_refunded(video.error_code, policy=settings.REFUND_POLICY):
            outcomes.refund(job=job, note=f"video job failed: {video.error_code}")


def _add_timeline(job: VideoJob, ended: datetime) -> None:
    is_failed = job.phase == Phase.FAILED
    last = (JobLog.Level.ERROR, job.error_message) if is_failed else (JobLog.Level.INFO, "The video is ready.")
    lines = [
        (ended - DURATION, JobLog.Level.INFO, "The job is accepted and waits for its turn."),
        (ended, *last),
    ]
    JobLog.objects.bulk_create(
        [JobLog(job=job, timestamp=at, level=level, message=message) for at, level, message in lines]
    )
