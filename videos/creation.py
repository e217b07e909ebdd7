"""Creates video jobs: everything is checked, then paid for and queued in one transaction, or nothing happens at all."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.core.files.base import ContentFile
from django.db import models, transaction

from accounts import ledger
from accounts.models import TokenAccount, User
from looks import use_cases
from looks.models import Look
from studio.db.statements import Insert, Param, Statement
from studio.errors import InsufficientFunds, InvalidInput, LimitReached, NotFound, Unavailable
from studio.media.images import BadImage, Picture, read_picture
from studio.media.storage import disposal, media_storage, store
from studio.observability import log, telemetry
from videos import routing
from videos.engine import metrics, schedule
from videos.engine.hints import hint
from videos.idempotency import earlier_job
from videos.job_requests import VideoJobRequest
from videos.limits import JOB_SLOTS, VIDEO_JOB_TOKENS, count_jobs
from videos.models import JobInput, VideoJob, from_now

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10  # a video takes from 11 s to some minutes; a slot is often free by then


class InvalidLook(InvalidInput):
    """There is no such look, or it is not the caller's; the answer does not tell which."""

    code = "invalid_look"
    message = "Invalid look_id"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a job costs its owner, and what the ledger says beside it."""

    tokens: int = VIDEO_JOB_TOKENS
    note: str = ""
    actor: User | None = None


USUAL_BILL = Bill()


def create(
    *,
    owner: User,
    order: VideoJobRequest,
    idempotency_key: str = "",
    bill: Bill = USUAL_BILL,
    begin: Callable[[VideoJob], None] = lambda job: None,
) -> VideoJob:
    """Charge the owner, create the job and queue it; or answer the job that the same key has created before.

    `begin` opens the transaction, with the job to be: there the caller locks what the job depends on, completes it, and
    raises where it may not be.
    Raises InvalidInput, Unavailable, Conflict (the key came with another order, or its job is deleted),
    InsufficientFunds or LimitReached, in this order, with nothing written.
    """
    digest = order.digest()
    # before today's state is looked at: it was fine then
    if earlier := earlier_job(owner_id=owner.pk, key=idempotency_key, digest=digest):
        return earlier
    look = _look(owner, order)
    look_image = str(look.image.name) if look and look.image else ""
    if not order.prompt and not order.initial_image and not order.opens_with(look_image):
        raise InvalidInput("Give a prompt, an initial image, or a look with an image.", code="nothing_to_show")
    has_first_frame = bool(order.initial_image) or order.opens_with(look_image)
    way = routing.route(order=order, has_first_frame=has_first_frame)
    if has_first_frame or any(order.pictures()):
        try:  # before pictures are stored for nothing; decided below
            _admit(owner.token_account, owner, bill)
        except (InsufficientFunds, LimitReached):
            # it may be what has just taken the tokens or the slot
            if earlier := earlier_job(owner_id=owner.pk, key=idempotency_key, digest=digest):
                return earlier
            raise
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
        request_id=log.request_id(),
        provider=way.provider,
        upstream_model=way.upstream_model,
    )
    if order.opens_with(look_image):
        order = replace(order, initial_image=_picture_of_look(look_image))
    pictures = {
        f"inputs/{job.pk}/{role}-{position}-{uuid.uuid4().hex}.{picture.extension}": (role, position, picture)
        for role, position, picture in order.pictures()
    }
    try:
        return _commit(job, _stored(job, pictures), look, bill, begin, uploads=list(pictures))
    except BaseException:
        disposal.dispose(pictures)
        raise


def _stored(job: VideoJob, pictures: dict[str, tuple[str, int, Picture]]) -> list[JobInput]:
    """Upload the pictures under these names; they go again unless the job is committed."""
    disposal.register(*pictures)
    return [
        JobInput(
            job=job,
            role=role,
            position=position,
            file_name=store(name=name, content=ContentFile(picture.data)),
            content_type=picture.content_type,
        )
        for name, (role, position, picture) in pictures.items()
    ]


def _commit(
    job: VideoJob,
    inputs: list[JobInput],
    look: Look | None,
    bill: Bill,
    begin: Callable[[VideoJob], None],
    *,
    uploads: list[str],
) -> VideoJob:
    with transaction.atomic():
        begin(job)  # before the account is locked: the order is job, then account
        account = ledger.lock_account(user_id=job.owner_id)
        if earlier := earlier_job(owner_id=job.owner_id, key=job.idempotency_key, digest=job.request_digest):
            disposal.dispose(uploads)
            return earlier
        job.slot = _admit(account, job.owner, bill)
        job.input_count = len(inputs)
        job.tokens_charged = ledger.charge(
            account=account, job_id=job.pk, tokens=bill.tokens, note=bill.note, actor=bill.actor
        )
        count_jobs(user_id=job.owner_id, more=1)
        _JOB.run(job)
        JobInput.objects.bulk_create(inputs)
        disposal.adopt(*uploads)
        if look:
            _link(look, job)
        job.log("The job is accepted and waits for its turn.")
        hint("submit", str(job.pk))
    metrics.CREATED.add(job.provider)
    telemetry.link_job(job.pk)
    logger.info("video job created", extra={"job_id": job.pk, "provider": job.provider})
    return job


_JOB = Insert(VideoJob, due_at=from_now(schedule.REHINT))


def _look(owner: User, order: VideoJobRequest) -> Look | None:
    """The owner's own look that the video is for."""
    if not order.look_id:
        return None
    try:
        look = Look.objects.filter(pk=uuid.UUID(order.look_id), owner=owner).first()
    except ValueError:
        look = None
    if look is None:
        raise InvalidLook
    return look


def _link(look: Look, job: VideoJob) -> None:
    try:
        use_cases.link(look_id=look.pk, video_id=job.pk)
    except NotFound as exc:  # deleted since we read it
        raise InvalidLook from exc


def picture_in_storage(*, name: str) -> Picture:
    """A stored picture. Raises OSError or BadImage."""
    with media_storage().open(name) as file:
        return read_picture(file)


def _picture_of_look(name: str) -> Picture:
    try:
        return picture_in_storage(name=name)
    except (OSError, BadImage) as exc:
        raise Unavailable("The look's image cannot be read at the moment.", code="look_image_unreadable") from exc


_SLOTS = Statement(
    lambda: VideoJob.objects.live().filter(owner=Param("owner_id", models.UUIDField())).order_by().values_list("slot")
)


def _admit(account: TokenAccount, owner: User, bill: Bill) -> int:
    """A free slot for an owner who can pay. Decisive only while the account is locked."""
    if not ledger.can_pay(account=account, tokens=bill.tokens):
        raise InsufficientFunds.of(balance=account.balance, price=bill.tokens)
    taken = {slot for (slot,) in _SLOTS.rows(owner_id=owner.pk)}
    free = [slot for slot in JOB_SLOTS if slot not in taken]
    if not free:
        raise LimitReached(
            f"Maximum {len(JOB_SLOTS)} concurrent video jobs allowed. Please wait until one has finished.",
            code="too_many_jobs",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    return free[0]
