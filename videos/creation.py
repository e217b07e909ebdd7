"""Creates video jobs: everything is checked, then paid for and queued in one transaction, or nothing happens at all."""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import JOB_SLOTS, TokenAccount, User
from studio.errors import Conflict, InsufficientFunds, InvalidInput, LimitReached
from studio.images import Picture
from studio.storage import disposal
from videos import catalogue, schedule
from videos.models import JobInput, VideoJob, from_now, media_storage
from videos.queue import hint

logger = logging.getLogger(__name__)

IDEMPOTENCY_HOURS = 24
RETRY_AFTER_SECONDS = 10  # a video takes from 11 s to some minutes; a slot is often free by then
Role = JobInput.Role


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a client asks for, in checked values."""

    prompt: str
    model: str
    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    mock_mode: bool
    initial_image: Picture | None = None
    end_frame: Picture | None = None
    reference_images: tuple[Picture, ...] = ()

    def pictures(self) -> Iterator[tuple[str, int, Picture]]:
        """Every picture with its role and place."""
        if self.initial_image:
            yield Role.FIRST_FRAME, 0, self.initial_image
        if self.end_frame:
            yield Role.LAST_FRAME, 0, self.end_frame
        for position, picture in enumerate(self.reference_images):
            yield Role.REFERENCE, position, picture

    def digest(self) -> str:
        """The same for the same order, and for no other."""
        facts = asdict(self) | {
            "initial_image": None,
            "end_frame": None,
            "reference_images": None,
            "pictures": [(role, place, hashlib.sha256(p.data).hexdigest()) for role, place, p in self.pictures()],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def create(*, owner: User, order: Order, idempotency_key: str = "") -> VideoJob:
    """Charge the owner, create the job and queue it; or answer the job that the same key has created before.

    Raises InvalidInput, Unavailable, Conflict (the key came with another order), InsufficientFunds or LimitReached, in
    this order, with nothing written.
    """
    if not order.prompt and order.initial_image is None:
        raise InvalidInput("Give a prompt, an initial image, or a look with an image.", code="nothing_to_show")
    way = catalogue.route(model=order.model, mock_mode=order.mock_mode)
    digest = order.digest()
    if earlier := _earlier(owner, idempotency_key, digest):
        return earlier
    _admit(TokenAccount.objects.get(user_id=owner.pk), owner)  # before pictures are stored for nothing; decided below
    job = VideoJob(
        owner=owner,
        prompt=order.prompt,
        model=order.model,
        resolution=order.resolution,
        aspect_ratio=order.aspect_ratio,
        duration_seconds=order.duration_seconds,
        generate_audio=order.generate_audio,
        mock_mode=order.mock_mode,
        idempotency_key=idempotency_key,
        request_digest=digest,
        provider=way.provider,
        upstream_model=way.upstream_model,
    )
    inputs = _store_pictures(job, order)
    try:
        return _commit(job, inputs)
    except BaseException:
        disposal.dispose([row.file_name for row in inputs])
        raise


def _commit(job: VideoJob, inputs: list[JobInput]) -> VideoJob:
    with transaction.atomic():
        account = ledger.lock_account(user_id=job.owner_id)
        if earlier := _earlier(job.owner, job.idempotency_key, job.request_digest):
            disposal.dispose([row.file_name for row in inputs])
            return earlier
        job.slot = _admit(account, job.owner)
        job.due_at = from_now(schedule.REHINT)
        job.tokens_charged = ledger.charge(account=account, job_id=job.pk, tokens=ledger.VIDEO_JOB_TOKENS)
        job.save(force_insert=True)
        JobInput.objects.bulk_create(inputs)
        disposal.adopt(*[row.file_name for row in inputs])
        job.log("The job is accepted and waits for its turn.")
        hint("submit", str(job.pk))
    logger.info("video job created", extra={"job_id": job.pk, "provider": job.provider})
    return job


def _admit(account: TokenAccount, owner: User) -> int:
    """A free slot for an owner who can pay. Decisive only while the account is locked."""
    if not ledger.can_pay(account=account, tokens=ledger.VIDEO_JOB_TOKENS):
        raise InsufficientFunds
    taken = set(owner.video_jobs.live().values_list("slot", flat=True))
    free = [slot for slot in JOB_SLOTS if slot not in taken]
    if not free:
        raise LimitReached(
            f"Maximum {len(JOB_SLOTS)} concurrent video jobs allowed. Please wait until one has finished.",
            code="too_many_jobs",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    return free[0]


def _earlier(owner: User, key: str, digest: str) -> VideoJob | None:
    """The job that this key has created within the last day; an older one gives its key up."""
    if not key:
        return None
    jobs = VideoJob.objects.filter(owner=owner, idempotency_key=key)
    jobs.filter(created_at__lt=Now() - timedelta(hours=IDEMPOTENCY_HOURS)).update(idempotency_key="", updated_at=Now())
    earlier = jobs.first()
    if earlier and earlier.request_digest != digest:
        raise Conflict("This Idempotency-Key was used for another request.", code="idempotency_key_reused")
    return earlier


def _store_pictures(job: VideoJob, order: Order) -> list[JobInput]:
    """Upload the pictures under names of ours; they go again unless the job is committed."""
    storage = media_storage()
    rows = []
    for role, position, picture in order.pictures():
        name = f"inputs/{job.pk}/{role}-{position}-{uuid.uuid4().hex}.{picture.extension}"
        disposal.register(name)
        stored = storage.save(name, ContentFile(picture.data))
        rows.append(
            JobInput(job=job, role=role, position=position, file_name=stored, content_type=picture.content_type)
        )
    return rows
