"""Creates video jobs: checks the request, then charges, saves and queues the job in one transaction."""

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
from studio.media.images import BadImage, ImageFile, read_image
from studio.media.storage import disposal, media_storage, store
from studio.observability import log, telemetry
from videos import routing
from videos.engine import expectations, metrics, schedule
from videos.engine.hints import hint
from videos.idempotency import earlier_job
from videos.job_requests import VideoJobRequest
from videos.limits import JOB_SLOTS, MAX_UNFINISHED_JOBS, VIDEO_PRICE_TOKENS, add_to_job_count
from videos.models import Event, JobInput, VideoJob, events, from_now

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10  # a video takes from 11 s to some minutes, so with three jobs a slot is often free by then


class InvalidLook(InvalidInput):
    """The look does not exist or is not the caller's; the response does not say which."""

    code = "invalid_look"
    message = "Invalid look_id"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The price of a job, with the note and the actor for its ledger entry."""

    tokens: int = VIDEO_PRICE_TOKENS
    note: str = ""
    actor: User | None = None


USUAL_BILL = Bill()


def create(
    *,
    owner: User,
    job_request: VideoJobRequest,
    idempotency_key: str = "",
    bill: Bill = USUAL_BILL,
    begin: Callable[[VideoJob], None] = lambda job: None,
) -> VideoJob:
    """Charge the owner, create the job and queue it; or return the job that the same key created before.

    `begin` runs first in the transaction, with the unsaved job: there the caller locks rows that the job depends on,
    fills in fields, or raises to prevent the creation.
    Raises InvalidInput, Unavailable, Conflict (the key came with another request, or its job is deleted),
    InsufficientFunds or LimitReached, in this order, with nothing written.
    """
    digest = job_request.digest()
    # before any check of the present state: the first request passed them
    if earlier := earlier_job(owner_id=owner.pk, key=idempotency_key, digest=digest):
        return earlier
    look = _look(owner, job_request)
    look_image = str(look.image.name) if look and look.image else ""
    opens_with_look = job_request.opens_with(look_image)
    has_first_frame = bool(job_request.initial_image) or opens_with_look
    if not job_request.prompt and not has_first_frame:
        raise InvalidInput("Give a prompt, an initial image, or a look with an image.", code="nothing_to_show")
    route = routing.route(job_request=job_request, has_first_frame=has_first_frame)
    if has_first_frame or any(job_request.pictures()):
        try:  # an early check, before pictures are uploaded; `_commit` decides
            _admit(owner.token_account, owner, bill)
        except (InsufficientFunds, LimitReached):
            # a concurrent request with the same key may have taken the tokens or the slot
            if earlier := earlier_job(owner_id=owner.pk, key=idempotency_key, digest=digest):
                return earlier
            raise
    job = VideoJob(
        owner=owner,
        prompt=job_request.prompt,
        model=job_request.model,
        resolution=job_request.resolution,
        aspect_ratio=job_request.aspect_ratio,
        duration_seconds=job_request.duration_seconds,
        generate_audio=job_request.generate_audio,
        mock_mode=job_request.mock_mode,
        idempotency_key=idempotency_key,
        request_digest=digest,
        request_id=log.request_id(),
        provider=route.provider,
        upstream_model=route.upstream_model,
        expected_seconds=expectations.expected_seconds(provider=route.provider, model=job_request.model),
    )
    if opens_with_look:
        job_request = replace(job_request, initial_image=_picture_of_look(look_image))
    pictures = {
        f"inputs/{job.pk}/{role}-{position}-{uuid.uuid4().hex}.{picture.extension}": (role, position, picture)
        for role, position, picture in job_request.pictures()
    }
    try:
        return _commit(job, _stored(job, pictures), look, bill, begin, uploads=list(pictures))
    except BaseException:
        disposal.dispose(pictures)
        raise


def _stored(job: VideoJob, pictures: dict[str, tuple[str, int, ImageFile]]) -> list[JobInput]:
    """Upload the pictures under these names; they are removed unless the job is committed."""
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
        begin(job)  # lock order: job, then account
        account = ledger.lock_account(user_id=job.owner_id)
        if earlier := earlier_job(owner_id=job.owner_id, key=job.idempotency_key, digest=job.request_digest):
            disposal.dispose(uploads)
            return earlier
        job.slot = _admit(account, job.owner, bill)
        job.input_count = len(inputs)
        job.tokens_charged = ledger.charge(
            account=account, job_id=job.pk, tokens=bill.tokens, note=bill.note, actor=bill.actor
        )
        add_to_job_count(user_id=job.owner_id, more=1)
        _JOB.run(job)
        JobInput.objects.bulk_create(inputs)
        disposal.adopt(*uploads)
        if look:
            _link(look, job)
        job.log("The job is accepted and waits for its turn.")
        hint("submit", str(job.pk))
        events.record(Event.Kind.CREATED, [(job.owner_id, job.pk)])
        if job.retry_of_id:  # it shows its retry
            events.record(Event.Kind.UPDATED, [(job.owner_id, job.retry_of_id)])
    metrics.CREATED.add(job.provider)
    telemetry.link_job(job.pk)
    logger.info("job.created", extra={"job_id": job.pk, "provider": job.provider})
    return job


_JOB = Insert(VideoJob, due_at=from_now(schedule.REHINT))


def _look(owner: User, job_request: VideoJobRequest) -> Look | None:
    """The look to link, which must be the owner's. Raises InvalidLook."""
    if not job_request.look_id:
        return None
    try:
        return Look.objects.get(pk=uuid.UUID(job_request.look_id), owner=owner)
    except (ValueError, Look.DoesNotExist) as exc:
        raise InvalidLook from exc


def _link(look: Look, job: VideoJob) -> None:
    try:
        use_cases.link(look_id=look.pk, video_id=job.pk)
    except NotFound as exc:  # deleted meanwhile
        raise InvalidLook from exc


def picture_in_storage(*, name: str) -> ImageFile:
    """Read a stored picture. Raises OSError or BadImage."""
    with media_storage().open(name) as file:
        return read_image(file)


def _picture_of_look(name: str) -> ImageFile:
    try:
        return picture_in_storage(name=name)
    except (OSError, BadImage) as exc:
        raise Unavailable("The look's image cannot be read at the moment.", code="look_image_unreadable") from exc


_TAKEN_SLOTS = Statement(
    lambda: VideoJob.objects.live().filter(owner=Param("owner_id", models.UUIDField())).order_by().values_list("slot")
)


def _admit(account: TokenAccount, owner: User, bill: Bill) -> int:
    """Return a free slot. Raises InsufficientFunds or LimitReached. Authoritative only under the account's lock."""
    if not ledger.can_pay(account=account, tokens=bill.tokens):
        raise InsufficientFunds.of(balance=account.balance, price=bill.tokens)
    slots = free_slots(owner_id=owner.pk)
    if not slots:
        raise LimitReached(
            f"Maximum {MAX_UNFINISHED_JOBS} concurrent video jobs allowed. Please wait until one has finished.",
            code="too_many_jobs",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    return slots[0]


def free_slots(*, owner_id: uuid.UUID) -> list[int]:
    """The slots without an unfinished job of the owner. Authoritative only under the account's lock."""
    taken = {slot for (slot,) in _TAKEN_SLOTS.rows(owner_id=owner_id)}
    return [slot for slot in JOB_SLOTS if slot not in taken]
