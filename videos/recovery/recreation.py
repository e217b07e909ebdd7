"""Recreates the row of a job that was submitted after the backup from which the database was restored."""

import logging
import uuid

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerEntry, TokenAccount, User
from studio.backoffice import audit
from studio.errors import Conflict, InsufficientFunds, InvalidInput, NotFound, Unavailable, as_sent, must_be_one_of
from videos.catalogue import ASPECT_RATIOS, DURATIONS_SECONDS, RESOLUTIONS
from videos.engine import schedule
from videos.engine.accepted_operations import AcceptedOperation
from videos.limits import VIDEO_PRICE_TOKENS, add_to_job_count
from videos.models import Event, Upstream, VideoJob, VideoModel, events, new_lease
from videos.phases import Phase
from videos.providers import operation_names, registry
from videos.recovery.adoption import checked_name, job_with, require_free_slot

logger = logging.getLogger(__name__)

# Two adoptions of an operation derive the same id, so the second one cannot create a second row.
_IDS = uuid.UUID("5b0d3c1e-6c0a-4d0e-9f67-0f3a3c1d7a52")
NOTE = "recreated from its operation after a restore"


def recreate(*, accepted: AcceptedOperation, actor: User | None) -> VideoJob:
    """Create a GENERATING job from its operation, and charge its owner.

    The lost part of the ledger had the charge, so the restored balance is too high. The usual price is charged again,
    as an ordinary charge of the job; a free operation costs 0. Prompt and pictures are unknown, so the
    job is never submitted again.

    Raises InvalidInput for values that no job has, NotFound for an unknown owner, Unavailable for a provider that is
    not configured, InsufficientFunds, and Conflict where a job has the operation or the id, where the id belonged to a
    deleted job, or while the owner has no free slot. Nothing is written then.
    """
    _check(accepted)
    upstream_model = accepted.upstream_model or _upstream_model(accepted)
    name = checked_name(accepted.operation, provider=accepted.provider)
    owner = _owner(accepted.owner)
    job = VideoJob(
        id=accepted.job_id or uuid.uuid5(_IDS, f"{accepted.provider}:{name}"),
        owner=owner,
        model=accepted.model,
        resolution=accepted.resolution,
        aspect_ratio=accepted.aspect_ratio,
        duration_seconds=accepted.duration_seconds,
        generate_audio=accepted.generate_audio,
        provider=accepted.provider,
        upstream_model=upstream_model,
        operation=name,
        phase=Phase.GENERATING,
        input_count=None,  # unknown
        submit_attempts=schedule.NO_MORE_SUBMITS,
    )
    try:
        with transaction.atomic():
            _write(job, accepted, actor)
    except IntegrityError as exc:  # a concurrent adoption has committed first
        raise Conflict(f"Job {job.pk} or its slot was taken just now; check it, and try again.") from exc
    logger.info("job.recreated", extra={"job_id": job.pk, "operation": name, "tokens": job.tokens_charged})
    return job


def _write(job: VideoJob, accepted: AcceptedOperation, actor: User | None) -> None:
    job.slot = require_free_slot(job)  # locks the account: adoptions for one owner come one after another
    if holder := job_with(provider=job.provider, operation=job.operation):
        raise Conflict(f"Job {holder.pk} has this operation.")
    if VideoJob.objects.filter(pk=job.pk).exists():
        raise Conflict(f"There is a job {job.pk}; name it in place of --owner.")
    if LedgerEntry.objects.filter(video_job_id=job.pk).exists():
        raise Conflict(f"The ledger knows job {job.pk}, which was deleted; its id cannot be used again.")
    account = TokenAccount.objects.get(user=job.owner_id)
    try:
        tokens = 0 if accepted.is_free else VIDEO_PRICE_TOKENS
        job.tokens_charged = ledger.charge(account=account, job_id=job.pk, tokens=tokens, note=NOTE, actor=actor)
        add_to_job_count(user_id=job.owner_id, more=1)
    except InsufficientFunds as exc:
        sentence = f"The owner has {account.balance} of the {tokens} tokens; --free recreates the job without a charge."
        raise InsufficientFunds(sentence) from exc
    job.due_at, job.started_at, job.lease = Now(), Now(), new_lease()
    job.save(force_insert=True)
    job.log("The video service has this job; processing continues.")
    audit.record_action(
        job,
        "Recreate from an operation",
        actor=actor,
        operation=job.operation,
        owner=job.owner.email,
        tokens=job.tokens_charged,
    )
    events.record(Event.Kind.CREATED, [(job.owner_id, job.pk)])


def _check(accepted: AcceptedOperation) -> None:
    if accepted.provider not in registry.PAID:
        raise InvalidInput(errors={"--provider": must_be_one_of(sorted(registry.PAID), accepted.provider)})
    if accepted.provider not in registry.configured():
        raise Unavailable(
            f"{accepted.provider} is not set up on this server: "
            f"{' or '.join(registry.needs(accepted.provider))} is unset."
        )
    for option, value, allowed in (
        ("--resolution", accepted.resolution, RESOLUTIONS),
        ("--aspect-ratio", accepted.aspect_ratio, ASPECT_RATIOS),
        ("--duration", accepted.duration_seconds, DURATIONS_SECONDS),
    ):
        if value not in allowed:
            raise InvalidInput(errors={option: must_be_one_of(allowed, value)})
    names = list(VideoModel.objects.values_list("name", flat=True))
    if accepted.model not in names:
        raise InvalidInput(errors={"--model": must_be_one_of(names, accepted.model)})
    if accepted.upstream_model and not operation_names.is_model(accepted.upstream_model):
        raise InvalidInput(f"--upstream-model: No provider's model has the name {as_sent(accepted.upstream_model)}.")


def _upstream_model(accepted: AcceptedOperation) -> str:
    """The provider's name of the model, where the catalogue has exactly one."""
    upstreams = Upstream.objects.filter(model__name=accepted.model, provider=accepted.provider)
    names = list(upstreams.order_by("position", "id").values_list("upstream_model", flat=True))
    if len(names) == 1:
        return names[0]
    if names:
        choice = " or ".join(names)
        raise InvalidInput(f"{accepted.provider} has several for this model; add --upstream-model {choice}.")
    raise InvalidInput(f"The catalogue has no {accepted.provider} for {accepted.model}; add --upstream-model NAME.")


def _owner(text: str) -> User:
    """The user with this id or e-mail address; a deleted one has no jobs."""
    try:
        return User.objects.get(pk=uuid.UUID(text), deleted_at=None)
    except (ValueError, ValidationError):
        pass
    except User.DoesNotExist as exc:
        raise NotFound(f"There is no user {text}; users who registered after the backup must register again.") from exc
    try:
        return User.objects.get_by_natural_key(text)
    except User.DoesNotExist as exc:
        raise NotFound(f"No account has the address {text!r}.") from exc
