"""Removes one safeguard of the engine, to show that the suite fails without it."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from videos.engine import inputs, outcomes, submit, sweeper, unclaimed
from videos.models import Event, VideoJob, VideoJobQuerySet, WebhookDelivery, events, from_now, new_lease, queryset
from videos.phases import Phase
from videos.providers.base import ProviderError, Refused
from videos.webhooks import delivery, dispatch


def mutate(name: str) -> None:
    """Remove a safeguard from this process; "" leaves all of them."""
    if name:
        MUTATIONS[name]()


def _write_unfenced() -> None:
    """The last writer wins, whatever happened in between."""
    VideoJobQuerySet._fence = lambda self, job: self.filter(pk=job.pk)


def _call_before_claim() -> None:
    """The paid call comes before the claim, which is written with its outcome."""

    def call_first(*, job_id: str) -> None:
        job = VideoJob.objects.filter(pk=job_id, phase=Phase.QUEUED).first()
        if job is None:
            return
        operation = submit.provider(job.provider).start(inputs.spec_of(job))
        with transaction.atomic():
            until = from_now(60)
            if VideoJob.objects.transition(job, Phase.SUBMITTING, lease=new_lease(), due_at=until, started_at=Now()):
                submit._accept(job, operation, 0)

    submit.submit = call_first


def _forget_hints() -> None:
    """A lost hint stays lost: the sweeper re-sends none, and workers do not scan the table."""
    for phase in (Phase.QUEUED, Phase.STORING):
        del sweeper.STEPS[phase]

    def take(**_: object) -> list[str]:
        return []

    unclaimed.take = take


def _refuse_unsurely() -> None:
    """A submit that may have been accepted counts as refused by an upstream that has no such model."""
    refuse = outcomes.refuse

    def refuse_anything(job: VideoJob, exc: ProviderError) -> None:
        refuse(job, Refused(str(exc), code="model_unavailable"))

    outcomes.refuse = refuse_anything


def _record_late() -> None:
    """An event is recorded after the commit of its change."""
    record = events.record

    def record_after_commit(kind: Event.Kind, jobs: Iterable[tuple[UUID, UUID]]) -> None:
        record_all = transaction.atomic(partial(record, kind, list(jobs)))
        transaction.on_commit(record_all)

    events.record = queryset.record = record_after_commit


def _forget_messages() -> None:
    """A message counts as delivered once a worker has claimed it."""
    claim = delivery._claim

    def claim_and_finish(messages: QuerySet[WebhookDelivery]) -> WebhookDelivery | None:
        message = claim(messages)
        if message:
            row = WebhookDelivery.objects.filter(pk=message.pk)
            row.update(state=WebhookDelivery.State.DELIVERED, due_at=None, lease=None)
        return message

    delivery._claim = claim_and_finish


def _move_cursor_first() -> None:
    """The cursor of a webhook moves in a transaction of its own, before its messages are made."""
    dispatch.transaction = SimpleNamespace(atomic=nullcontext)


MUTATIONS: dict[str, Callable[[], None]] = {
    "unfenced": _write_unfenced,
    "call-before-claim": _call_before_claim,
    "repeated-entries": lambda: None,  # done in the database: `DROPPED` in tests.chaos.fleet
    "no-rehint": _forget_hints,
    "unsure-refusal": _refuse_unsurely,
    "late-events": _record_late,
    "forgotten-messages": _forget_messages,
    "cursor-first": _move_cursor_first,
}
