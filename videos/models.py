"""Video jobs: the row of a job is also its place in the queue."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest, Now
from django.utils import timezone
from django.utils.text import Truncator

from accounts.models import JOB_SLOTS
from studio.db.statements import Insert
from studio.media.storage import media_storage
from studio.models import Record
from videos.phases import LIVE, MOVES, STATUS, TERMINAL, Phase, Status

OPERATION_MAX = 1000  # characters of an operation's name
IMPORTED = "imported"  # the provider of jobs that another system has made, and charged for

# Constraints are frozen into migrations, so what goes into them has an order.
_LIVE, _TERMINAL = sorted(LIVE), sorted(TERMINAL)


def from_now(seconds: float) -> Any:
    """A moment by the database's clock: the machines that run the steps may disagree about the time."""
    return Now() + timedelta(seconds=seconds)


class VideoJobQuerySet(models.QuerySet["VideoJob"]):
    """The questions asked of jobs, and the one way to move them."""

    def live(self) -> Self:
        """Not finished: each holds one of its owner's slots."""
        return self.filter(slot__isnull=False)

    def with_status(self, *statuses: Status) -> Self:
        """Shown to the public under one of these words."""
        phases = {phase for phase, status in STATUS.items() if status in statuses}
        # the three at most that are live are found by their slots, however many are finished
        jobs = self.filter(phase__in=sorted(phases))
        return jobs if phases & TERMINAL else jobs.live()

    def due(self, *phases: Phase) -> Self:
        """Live rows of these phases whose next look has come, the longest waiting first."""
        return self.filter(phase__in=phases, due_at__lte=Now()).order_by("due_at", "id")

    def claimable(self) -> Self:
        """Nobody works on it, and no back-off runs."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lte=Now()))

    def transition(self, job: "VideoJob", to: Phase, **fields: Any) -> bool:
        """Move a job from the phase and lease that `job` was read with; False when it has moved meanwhile.

        The only writer of `phase`. A conditional UPDATE, so of several processes exactly one gets True, and writes
        what goes with the move in the same transaction. A finished job gives up its slot and is never due again.
        `fields` must say when a live job is next due. Raises ValueError for a move that phases.MOVES does not have.
        """
        if to not in MOVES[Phase(job.phase)]:
            raise ValueError(f"job {job.pk}: no move from {job.phase} to {to}")
        if job.phase in TERMINAL:
            fields |= {"completed_at": None, "error_code": "", "error_message": ""}
        if to in TERMINAL:
            fields |= {"slot": None, "due_at": None, "lease_until": None, "completed_at": Now()}
        elif "due_at" not in fields:
            raise ValueError(f"job {job.pk}: a move to {to} has to say when the job is next due")
        fields.setdefault("lease", None)
        fields.setdefault("attempts", 0)
        fields.setdefault("store_tries", 0)
        fields.setdefault("missing_tries", 0)
        if self._fence(job).update(phase=to, updated_at=Now(), **fields) != 1:
            return False
        job.phase, job.lease = to, fields["lease"]
        return True

    def update_fenced(self, job: "VideoJob", **fields: Any) -> bool:
        """Write fields of a job that stays in its phase, under the same fence as `transition`."""
        return self._fence(job).update(updated_at=Now(), **fields) == 1

    def show_progress(self, job: "VideoJob", percentage: int, **fields: Any) -> bool:
        """Raise the progress, under the same fence; it never goes down, and only SUCCEEDED is 100."""
        return self.update_fenced(
            job, progress_percentage=Greatest(F("progress_percentage"), min(percentage, 99)), **fields
        )

    def _fence(self, job: "VideoJob") -> Self:
        return self.filter(pk=job.pk, phase=job.phase, lease=job.lease)


class VideoJob(Record):
    """One video that somebody asked for, from the request to the stored file."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="video_jobs")
    # What was asked for.
    prompt = models.TextField(blank=True)
    model = models.CharField(max_length=100, help_text="The public name, as the client chose it.")
    resolution = models.CharField(max_length=20)
    aspect_ratio = models.CharField(max_length=10)
    duration_seconds = models.PositiveSmallIntegerField()
    generate_audio = models.BooleanField(default=False)
    mock_mode = models.BooleanField(default=False)
    idempotency_key = models.CharField(max_length=255, blank=True)
    request_digest = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True, help_text="Of the request; on every log line of the job.")
    # No foreign key: deleting the failed job would have to search for these.
    retry_of_id = models.UUIDField(null=True, editable=False, help_text="The failed job that staff had made again.")
    # Who makes it; settled at creation, so that an edit of the catalogue does not touch jobs in flight.
    provider = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100, blank=True)
    operation = models.CharField(max_length=OPERATION_MAX, blank=True, help_text="The provider's name for the work.")
    result = models.TextField(blank=True, help_text="Where the provider has the finished file.")
    # Where it stands.
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.QUEUED)
    slot = models.PositiveSmallIntegerField(null=True, help_text="Its place among the owner's unfinished jobs.")
    due_at = models.DateTimeField(null=True, help_text="The sweeper's next look.")
    lease = models.UUIDField(null=True, help_text="Who works on it; changes with every claim.")
    lease_until = models.DateTimeField(null=True, help_text="Nobody else claims it before: a lease, or a back-off.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Failed tries of this phase.")
    doubtful_submits = models.SmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Submits that were refused, and may have been accepted."
    )
    # Counted apart from `attempts`: what has a limit of its own must not use up another one.
    lasting_refusals = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Submits that a quota has refused since the last one that was accepted.",
    )
    store_tries = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Looks whose outcome could not be stored since the last one that could.",
    )
    missing_tries = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Looks and transfers of this step for which the provider had nothing.",
    )
    submit_attempts = models.SmallIntegerField(  # not a positive one: its constraint would scan the table
        default=0, db_default=0, help_text="Tries of the submit step before the one that was accepted."
    )
    refused_by = models.JSONField(
        null=True, editable=False, help_text="Upstreams that refused it: [[provider, model, code], …]."
    )
    progress_percentage = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    generated_at = models.DateTimeField(null=True, help_text="When the provider said that it was done.")
    completed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    provider_reply = models.TextField(blank=True, help_text="The provider's own words; for staff only.")
    tokens_charged = models.PositiveIntegerField(default=0)
    # `videos.engine.outcomes.refund` copies it from the ledger, so that a list needs no second query. No constraint:
    # adding one would scan the table; `manage.py reconcile` compares.
    tokens_refunded = models.IntegerField(default=0, db_default=0)
    # Without it nobody could tell a job without pictures from one whose pictures have been given up.
    input_count = models.PositiveSmallIntegerField(
        null=True, default=0, help_text="Pictures that it was created with; unknown for the oldest jobs."
    )
    broken_result = models.JSONField(
        null=True,
        editable=False,
        help_text='The delivered file that could not be played: {"sha256": …, "times": 2, "since": …}.',
    )
    storage_refusal = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Why the storage does not take the video, where it will say so again until that is mended.",
    )
    # What came of it.
    video = models.FileField(storage=media_storage, max_length=300, blank=True)
    poster = models.FileField(storage=media_storage, max_length=300, blank=True)
    video_sha256 = models.CharField(max_length=64, blank=True)
    delivered_seconds = models.FloatField(
        null=True, help_text="The video's length, where it is not what was asked for."
    )
    delivered_aspect_ratio = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="The same for its shape."
    )

    objects = VideoJobQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = (
            ("refund_videojob", "Can give the tokens of a video job back, within a day's limit"),
            ("operate_videojob", "Can retry, stop, hurry and adopt video jobs, and refund them without limit"),
        )
        indexes = (
            # GET /video-jobs: a user's jobs, newest first
            models.Index(fields=("owner", "-created_at", "-id"), name="jobs_of_owner"),
            # GET /video-jobs?all=true: everybody's
            models.Index(fields=("-created_at", "-id"), name="jobs_newest_first"),
            # readyz: a provider's last finished job
            models.Index(
                fields=("provider", "-created_at", "-id"),
                condition=Q(completed_at__isnull=False),
                name="jobs_done_of_provider",
            ),
            # the dashboard: what has come to an end today, and in the last 30 days
            models.Index(
                fields=("completed_at", "phase", "mock_mode"),
                condition=Q(completed_at__isnull=False),
                name="jobs_finished_by_kind",
            ),
            # the back office: the newest jobs that failed so
            models.Index(
                fields=("error_code", "-created_at", "-id"), condition=~Q(error_code=""), name="jobs_failed_so"
            ),
            # the back office: what a failed job was made again as
            models.Index(fields=("retry_of_id",), condition=Q(retry_of_id__isnull=False), name="jobs_retry_of"),
            # the sweeper: live rows whose time has come
            models.Index(fields=("phase", "due_at"), condition=Q(due_at__isnull=False), name="jobs_due"),
        )
        constraints = (
            models.CheckConstraint(
                name="live_if_and_only_if_due",
                condition=Q(phase__in=_LIVE, due_at__isnull=False) | Q(phase__in=_TERMINAL, due_at__isnull=True),
            ),
            models.CheckConstraint(
                name="live_if_and_only_if_in_a_slot",
                # "not null" is no tautology: NULL IN (…) is unknown, and a CHECK lets the unknown pass
                condition=Q(phase__in=_LIVE, slot__isnull=False, slot__in=JOB_SLOTS)
                | Q(phase__in=_TERMINAL, slot__isnull=True),
            ),
            models.CheckConstraint(
                name="finished_if_and_only_if_terminal",
                condition=Q(phase__in=_LIVE, completed_at__isnull=True)
                | Q(phase__in=_TERMINAL, completed_at__isnull=False),
            ),
            models.CheckConstraint(
                name="full_progress_if_and_only_if_succeeded",
                condition=Q(phase=Phase.SUCCEEDED, progress_percentage=100)
                | Q(~Q(phase=Phase.SUCCEEDED), progress_percentage__lt=100),
            ),
            models.CheckConstraint(name="video_when_succeeded", condition=~Q(phase=Phase.SUCCEEDED) | ~Q(video="")),
            models.CheckConstraint(
                name="error_code_if_and_only_if_failed",
                condition=Q(~Q(error_code=""), phase=Phase.FAILED) | Q(~Q(phase=Phase.FAILED), error_code=""),
            ),
            models.CheckConstraint(
                name="operation_before_generating",
                condition=Q(phase__in=(Phase.QUEUED, Phase.SUBMITTING, Phase.FAILED)) | ~Q(operation=""),
            ),
            models.UniqueConstraint(name="one_job_a_slot", fields=("owner", "slot"), condition=Q(slot__isnull=False)),
            models.UniqueConstraint(
                name="one_job_an_idempotency_key",
                fields=("owner", "idempotency_key"),
                condition=~Q(idempotency_key=""),
            ),
        )

    def __str__(self) -> str:
        return Truncator(self.prompt).chars(60) or "video without a prompt"

    @staticmethod
    def status_of(phase: str) -> Status:
        """The public word for a phase; asked by those who know jobs through a relation only."""
        return STATUS[Phase(phase)]

    @property
    def status(self) -> Status:
        """The public word for the phase."""
        return self.status_of(self.phase)

    def log(self, message: str, *, level: "JobLog.Level | None" = None) -> None:
        """Add a line to what the owner reads about this job; dropped when the job is gone."""
        _LINE.run(JobLog(job_id=self.pk, level=level or JobLog.Level.INFO, message=message))


class JobLog(Record):
    """One line of a job's story, for its owner: no vendor's words, no internals."""

    class Level(models.TextChoices):
        """How bad it is; as the API spells it."""

        INFO = "info"
        WARNING = "warning"
        ERROR = "error"

    # db_index=False: the index below begins with it
    job = models.ForeignKey(VideoJob, on_delete=models.CASCADE, related_name="logs", db_index=False)
    timestamp = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=10, choices=Level)
    message = models.CharField(max_length=500)

    class Meta:
        ordering = ("timestamp", "id")
        indexes = (
            # GET /video-jobs/{id}: a job's lines, oldest first
            models.Index(fields=("job", "timestamp", "id"), name="logs_of_job"),
        )
        constraints = (
            models.CheckConstraint(name="log_level_is_known", condition=Q(level__in=("info", "warning", "error"))),
        )

    def __str__(self) -> str:
        return self.message


_LINE = Insert(JobLog)


class JobInput(Record):
    """A picture that a job starts from; kept until the video is there, or a while after the job has failed."""

    class Role(models.TextChoices):
        """What the provider shall do with it."""

        FIRST_FRAME = "first_frame"
        LAST_FRAME = "last_frame"
        REFERENCE = "reference"

    job = models.ForeignKey(VideoJob, on_delete=models.CASCADE, related_name="inputs")
    role = models.CharField(max_length=20, choices=Role)
    position = models.PositiveSmallIntegerField(default=0)
    file_name = models.CharField(max_length=300, help_text="In the storage of videos.")
    content_type = models.CharField(max_length=40)

    class Meta:
        ordering = ("role", "position")
        constraints = (
            models.UniqueConstraint(name="one_input_a_place", fields=("job", "role", "position")),
            models.CheckConstraint(
                name="input_role_is_known", condition=Q(role__in=("first_frame", "last_frame", "reference"))
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.position}"


class SpentKey(Record):
    """An idempotency key whose job was deleted within its day; written by `videos.idempotency`."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(help_text="When it made the job.")

    class Meta:
        ordering = ("used_at", "id")
        indexes = (
            # the sweeper: keys whose day is over
            models.Index(fields=("used_at",), name="spent_keys_by_age"),
        )
        constraints = (
            models.UniqueConstraint(name="one_spent_key_an_owner", fields=("owner", "key")),
            models.CheckConstraint(name="spent_key_is_not_blank", condition=~Q(key="")),
        )

    def __str__(self) -> str:
        return f"spent key {self.pk}"


class PollQuota(Record):
    """When a provider may be polled next, so that all sweepers together keep to its quota (`videos.engine.quota`)."""

    provider = models.CharField(max_length=40, unique=True)
    next_look_at = models.DateTimeField()

    class Meta:
        ordering = ("provider",)

    def __str__(self) -> str:
        return f"quota of {self.provider} ({self.pk})"


class VideoModel(Record):
    """A model under the public name that clients use; the name stays, whatever becomes of the upstreams behind it."""

    name = models.CharField(max_length=100, unique=True)
    title = models.CharField(max_length=100)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order in lists.")
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.title


class Upstream(Record):
    """One way to have videos of a model made, and what is known to be refused there."""

    model = models.ForeignKey(VideoModel, on_delete=models.CASCADE, related_name="upstreams")
    position = models.PositiveSmallIntegerField(default=0, help_text="The first one that can make a video makes it.")
    provider = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100, help_text="What the provider calls the model.")
    is_enabled = models.BooleanField(default=True)
    retires_on = models.DateField(null=True, blank=True, help_text="Not used from this day on.")
    durations = models.JSONField(default=dict, help_text='Seconds by resolution: {"720p": [4, 8], "1080p": [8]}.')
    aspect_ratios = models.JSONField(default=list, help_text='["16:9", "9:16"]')
    makes_audio = models.BooleanField(default=True)
    takes_last_frame = models.BooleanField(default=False)
    max_references = models.PositiveSmallIntegerField(default=0)
    reference_durations = models.JSONField(default=list, blank=True, help_text="Seconds; empty for no restriction.")
    last_frame_durations = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, help_text="The same with a last frame."
    )
    mixes_references_and_frames = models.BooleanField(default=False, help_text="References beside a first frame.")
    prices = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text='US dollars a second by resolution: {"720p": "0.07"}; for the operator\'s figures only.',
    )
    note = models.TextField(
        blank=True, default="", db_default="", help_text="For staff: what is known of its future, and whence."
    )
    successor = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="The provider's model that takes its place."
    )
    # What the system has found out; the same for all rows of one provider and upstream model.
    refusals = models.PositiveSmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Submits in a row that the provider refused to this model."
    )
    suspended_at = models.DateTimeField(null=True, editable=False)
    suspended_because = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)

    class Meta:
        ordering = ("position", "id")
        constraints = (
            models.UniqueConstraint(
                name="one_upstream_a_provider_and_model", fields=("model", "provider", "upstream_model")
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}: {self.upstream_model}"


def price_in(prices: dict[str, str], resolution: str) -> Decimal:
    """US dollars a second in this resolution, by an upstream's prices; 0 where none is known."""
    return Decimal(prices.get(resolution) or 0)


def whole_seconds(seconds: float) -> int:
    """A length as it is shown: rounded, a half up."""
    return int(seconds + 0.5)


def new_lease() -> uuid.UUID:
    """A token that nobody else holds."""
    return uuid.uuid4()
