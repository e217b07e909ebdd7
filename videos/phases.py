"""The life of a video job, as data: its phases, the legal moves, and the public status of each phase."""

from django.db.models import TextChoices


class Phase(TextChoices):
    """The phase of a job; code decides by it."""

    QUEUED = "queued", "Queued"
    SUBMITTING = "submitting", "Being handed to the provider"
    GENERATING = "generating", "Being generated"
    STORING = "storing", "Being stored"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


class Status(TextChoices):
    """The public status, in the API's spelling."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.QUEUED: frozenset({Phase.SUBMITTING, Phase.FAILED}),
    # back to QUEUED only when the provider surely did not accept the job
    Phase.SUBMITTING: frozenset({Phase.GENERATING, Phase.QUEUED, Phase.FAILED}),
    # back to QUEUED only when the provider gave up and says that it charges nothing
    Phase.GENERATING: frozenset({Phase.STORING, Phase.QUEUED, Phase.FAILED}),
    Phase.STORING: frozenset({Phase.SUCCEEDED, Phase.FAILED}),
    Phase.SUCCEEDED: frozenset(),
    # only by an operator, who adopts an operation that may be billed (failures.ADOPTABLE), or resumes the storing
    # of a video that the provider still has (failures.RESUMABLE)
    Phase.FAILED: frozenset({Phase.GENERATING, Phase.STORING}),
}
TERMINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED})
LIVE = frozenset(MOVES) - TERMINAL

STATUS: dict[Phase, Status] = {
    Phase.QUEUED: Status.PENDING,
    Phase.SUBMITTING: Status.RUNNING,
    Phase.GENERATING: Status.RUNNING,
    Phase.STORING: Status.RUNNING,
    Phase.SUCCEEDED: Status.SUCCEEDED,
    Phase.FAILED: Status.FAILED,
}


def phases_of(status: Status) -> list[Phase]:
    """The phases with this public status."""
    return [phase for phase, shown in STATUS.items() if shown == status]
