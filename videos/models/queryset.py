"""Queries of video jobs, and the fenced writes that move them."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Greatest, Now

from studio.errors import NotFound
from videos.models.events import Event, record
from videos.phases import MOVES, STATUS, TERMINAL, Phase, Status

if TYPE_CHECKING:
    from videos.models.job import VideoJob


def from_now(seconds: float) -> Any:
    """A moment by the database's clock; the clocks of the machines that run the steps may differ."""
    return Now() + timedelta(seconds=seconds)


def new_lease() -> uuid.UUID:
    """A token that no other process holds."""
    return uuid.uuid4()


class VideoJobQuerySet(models.QuerySet["VideoJob"]):
    """Queries of jobs, and the only way to move them."""

    def find(self, job_id: uuid.UUID) -> "VideoJob":
        """The job with this id. Raises NotFound."""
        job = self.filter(pk=job_id).first()
        if job is None:
            raise NotFound("There is no such video job.")
        return job

    def live(self) -> Self:
        """Unfinished jobs: each holds one of its owner's slots."""
        return self.filter(slot__isnull=False)

    def with_status(self, *statuses: Status) -> Self:
        """Jobs with one of these public statuses."""
        phases = {phase for phase, status in STATUS.items() if status in statuses}
        # an owner's live jobs, three at most, are found by their slots, however many are finished
        jobs = self.filter(phase__in=sorted(phases))
        return jobs if phases & TERMINAL else jobs.live()

    def with_retries(self) -> Self:
        """Adds `retried_by`: the id of the job that repeats a failed one, or None."""
        retries = self.model._default_manager.filter(retry_of_id=OuterRef("pk")).order_by()
        return self.annotate(retried_by=Subquery(retries.values("pk")[:1]))

    def due(self, *phases: Phase) -> Self:
        """Due jobs of these phases, the longest waiting first."""
        return self.filter(phase__in=phases, due_at__lte=Now()).order_by("due_at", "id")

    def claimable(self) -> Self:
        """Jobs without a running step or back-off."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=Now()))

    def transition(self, job: "VideoJob", to: Phase, **fields: Any) -> bool:
        """Move a job from the phase and lease that `job` was read with; False when it has moved meanwhile.

        The only writer of `phase`. It is a conditional UPDATE, so exactly one of several processes gets True; that one
        writes what belongs to the move in the same transaction. A finished job frees its slot and is never due again.
        `fields` must contain `due_at` for a live job. Raises ValueError without it, and for a move that phases.MOVES
        does not have. Records an event: a caller that needs the account's lock takes it before.
        """
        if to not in MOVES[Phase(job.phase)]:
            raise ValueError(f"job {job.pk}: no move from {job.phase} to {to}")
        if job.phase in TERMINAL:
            fields |= {"completed_at": None, "error_code": "", "error_message": ""}
        if to in TERMINAL:
            fields |= {"slot": None, "due_at": None, "lease_until": None, "completed_at": Now()}
        elif "due_at" not in fields:
            raise ValueError(f"job {job.pk}: a move to {to} must set due_at, when the job is next due")
        fields.setdefault("lease", None)
        fields.setdefault("attempts", 0)
        fields.setdefault("store_tries", 0)
        fields.setdefault("missing_tries", 0)
        with transaction.atomic(savepoint=False):
            if self._fence(job).update(phase=to, updated_at=Now(), **fields) != 1:
                return False
            record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])
        job.phase, job.lease = to, fields["lease"]
        return True

    def update_fenced(self, job: "VideoJob", **fields: Any) -> bool:
        """Write fields that clients do not see of a job that stays in its phase, under the fence of `transition`."""
        return self._fence(job).update(updated_at=Now(), **fields) == 1

    def lock_fenced(self, job: "VideoJob") -> bool:
        """Lock the job's row for a later `transition`; False when the job has moved meanwhile."""
        return self._fence(job).select_for_update(no_key=True).order_by().values_list("pk").first() is not None

    def show_progress(self, job: "VideoJob", percentage: int, **fields: Any) -> bool:
        """Raise the progress, under the same fence; it never goes down, and only SUCCEEDED is 100."""
        shown = min(percentage, 99)
        with transaction.atomic(savepoint=False):
            if not self.update_fenced(job, progress_percentage=Greatest(F("progress_percentage"), shown), **fields):
                return False
            if shown > job.progress_percentage:  # another process may have raised it too, but none has lowered it
                record(Event.Kind.UPDATED, [(job.owner_id, job.pk)])
        return True

    def record_updates(self) -> None:
        """Record that these jobs have changed, other than by the methods above; `events.record` says when."""
        record(Event.Kind.UPDATED, self.order_by().values_list("owner", "pk"))

    def _fence(self, job: "VideoJob") -> Self:
        return self.filter(pk=job.pk, phase=job.phase, lease=job.lease)
