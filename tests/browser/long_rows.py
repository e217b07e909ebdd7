"""Rows of every table of the back office, with values as long as they get.

Written by a separate process: Playwright keeps an event loop in the test's, where Django refuses to use a database.
"""

import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from axes.models import AccessAttempt
from django.core.files.base import ContentFile
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_rq.queues import get_queue_by_index
from PIL import Image
from rq.job import Job, JobStatus
from rq.registry import DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry

from accounts.models import ApiKey, LedgerEntry, SignIn, User
from accounts.registration import create_user
from accounts.roles import Role
from accounts.sign_in import api_keys
from looks.models import Look, LookLink, LookShare, LookVideo, Product
from studio.api.scopes import SCOPES
from studio.backoffice import audit
from studio.media.storage import media_storage
from videos.models import JobInput, JobLog, Upstream, VideoJob, VideoModel
from videos.phases import TERMINAL, Phase

PHRASE = "a silk dress with hand-embroidered peonies walks slowly towards the camera, "
WORD = "NL-0123456789abcdefghijklmnopqrstuvwxyz-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"  # no place to break
BOSS = "wilhelminaalexandrafeatherstonehaugh@photography.longcompanyname.example.com"
ANN = "annabellechristinamontgomerywhittingtonsmythe@customers.longcompanyname.example.com"
MODEL = "veo-3.1-generate-preview-with-a-very-long-name-of-a-very-special-variant-001"
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
ADDRESS = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
LATER = timedelta(days=1)  # no worker or sweeper touches jobs due then
QUEUE = 0  # django_rq's number of the queue whose pages are opened


def text(length: int) -> str:
    """Words of which one is long."""
    return f"{PHRASE}{WORD} {PHRASE * (length // len(PHRASE))}"[:length]


def furnish(password: str) -> None:
    """Write the rows; all users have this password."""
    boss = create_user(email=BOSS, password=password, staff=True)
    for role in (Role.SUPPORT, Role.OPERATOR):
        create_user(email=f"{role.value}.{BOSS}"[:100], password=password, role=role)
    create_user(email=f"away.{ANN}", password=password)
    User.objects.filter(email__startswith="away").update(is_active=False)
    ann = create_user(email=ANN, password=password, tokens=1_234_567_890)
    _security(ann)
    jobs = _jobs(ann)
    _money(ann, boss, jobs)
    _look(ann, boss, jobs)
    _catalogue()
    _queues()


def _security(ann: Any) -> None:
    for channel in SignIn.Channel:
        for user, succeeded in ((ann, True), (ann, False), (None, False)):
            SignIn.objects.create(user=user, channel=channel, succeeded=succeeded, client_ip=ADDRESS, client=text(300))
    AccessAttempt.objects.create(
        username=ANN,
        ip_address=ADDRESS,
        user_agent=AGENT,
        http_accept="*/*",
        path_info="/admin/login/",
        failures_since_start=7,
    )
    TOTPDevice.objects.create(user=ann, name="default", confirmed=True)
    now = datetime.now(UTC)
    for end in ({}, {"expires_at": now + LATER}, {"expires_at": now}, {"revoked_at": now}):
        key, _ = api_keys.create(user=ann, name=text(100), scopes=tuple(SCOPES))
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now, **end)


def _jobs(ann: Any) -> list[Any]:
    now = datetime.now(UTC)
    jobs = []
    for slot, phase in enumerate(phase for phase in Phase if phase != Phase.STORING):
        over, failed, made = phase in TERMINAL, phase == Phase.FAILED, phase == Phase.SUCCEEDED
        jobs.append(
            VideoJob.objects.create(
                owner=ann,
                phase=phase,
                prompt=text(2000),
                model=MODEL,
                upstream_model=MODEL,
                provider="vertex_express_with_a_long_name",
                resolution="1080p",
                aspect_ratio="16:9",
                duration_seconds=8,
                idempotency_key=WORD,
                request_id=uuid.uuid4().hex,
                operation=f"projects/{WORD}/operations/{WORD}",
                result=f"https://storage.example.com/{WORD}/{WORD}.mp4",
                refused_by=[["vertex", MODEL, "model_not_available_in_location"], ["gemini", MODEL, "model_retired"]],
                slot=None if over else slot + 1,
                due_at=None if over else now + LATER,
                lease_until=None if over else now + LATER,
                started_at=now,
                completed_at=now if over else None,
                progress_percentage=100 if made else 42,
                video=f"videos/{WORD}.mp4" if made else "",
                video_sha256=WORD[:64],
                delivered_seconds=7.5,
                error_code="submission_unknown" if failed else "",
                error_message=text(500) if failed else "",
                provider_reply=json.dumps({"error": {"message": text(3000)}}),
                tokens_charged=50,
                input_count=1,
            )
        )
        # the key is an owner's once
        VideoJob.objects.filter(pk=jobs[-1].pk).update(idempotency_key=f"{WORD}-{slot}")
        JobInput.objects.create(job=jobs[-1], role="first_frame", file_name=_picture(), content_type="image/png")
        for level in JobLog.Level:
            JobLog.objects.create(job=jobs[-1], level=level, message=text(500))
    return jobs


def _picture() -> str:
    """A wide picture."""
    drawn = io.BytesIO()
    Image.new("RGB", (2000, 500), "teal").save(drawn, "PNG")
    return str(media_storage().save(f"inputs/{uuid.uuid4()}.png", ContentFile(drawn.getvalue())))


def _money(ann: Any, boss: Any, jobs: list[Any]) -> None:
    for kind in LedgerEntry.Kind:
        of_job = kind in {LedgerEntry.Kind.CHARGE, LedgerEntry.Kind.REFUND}
        if kind == LedgerEntry.Kind.SIGNUP:  # exists since the account was created
            continue
        LedgerEntry.objects.create(
            account=ann.token_account,
            kind=kind,
            amount=-50 if kind == LedgerEntry.Kind.CHARGE else 1_234_567_890,
            balance_after=1_234_567_890,
            video_job_id=jobs[-1].pk if of_job else None,
            note=text(500),
            actor=boss,
        )


def _look(ann: Any, boss: Any, jobs: list[Any]) -> None:
    picture = _picture()
    look = Look.objects.create(
        owner=ann, title=text(200), notes=text(3000), image=picture, thumbnail=picture, visibility="shared"
    )
    Look.objects.create(owner=ann, title=WORD)
    LookShare.objects.create(look=look, user=boss)
    for token, end in (("a", None), ("b", datetime.now(UTC))):
        LookLink.objects.create(look=look, created_by=boss, token=token * 26, expires_at=end, last_viewed_at=end)
    for job in jobs:
        LookVideo.objects.create(look=look, video=job, is_default=job.phase == "succeeded")
    Product.objects.create(
        look=look,
        position=1,
        sku=WORD,
        name=text(200),
        designer=text(200),
        price="1234567890.50",
        currency="EUR",
        product_url=f"https://shop.example.com/{WORD}?{WORD}",
        thumbnail=picture,
    )
    audit.record(look, title=(text(200), WORD), notes=(text(600), ""))


def _catalogue() -> None:
    model = VideoModel.objects.create(name=MODEL, title=text(100), position=99)
    for position, provider in enumerate(("vertex", "gemini", "vertex")):
        Upstream.objects.create(
            model=model,
            position=position,
            provider=provider,
            upstream_model=f"{MODEL}-{position}",
            durations={"720p": [4, 6, 8], "1080p": [8], "4k": [8]},
            aspect_ratios=["16:9", "9:16"],
            prices={"720p": "0.40", "1080p": "0.40", "4k": "0.60"},
            note=text(500),
            successor=MODEL,
            retires_on="2026-01-31",
            refusals=3,
            suspended_at=datetime.now(UTC),
            suspended_because=text(500),
        )


def _queues() -> None:
    """One job in each list of a queue, and in none that a worker reads."""
    queue = get_queue_by_index(QUEUE)
    queue.enqueue_in(LATER, "videos.tasks.a_function_with_a_long_name", WORD, note=text(300))
    lists = (
        (FailedJobRegistry, JobStatus.FAILED),
        (FinishedJobRegistry, JobStatus.FINISHED),
        (DeferredJobRegistry, JobStatus.DEFERRED),
        (StartedJobRegistry, JobStatus.STARTED),
    )
    for kind, status in lists:
        job = Job.create(
            "videos.tasks.a_function_with_a_long_name",
            args=(WORD, text(300)),
            connection=queue.connection,
            origin=queue.name,
            status=status,
        )
        job._exc_info = f'Traceback\n  File "/{WORD}/{WORD}.py", line 1, in a_function\nValueError: {text(500)}'
        job.save()
        queue.connection.zadd(kind(queue=queue).key, {job.id: datetime.now(UTC).timestamp() + LATER.total_seconds()})
