"""The row of a video job."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.text import Truncator

from studio.db.statements import Insert
from studio.media.storage import media_storage
from studio.models import Record
from videos.limits import JOB_SLOTS
from videos.models.job_log import JobLog
from videos.models.queryset import VideoJobQuerySet
from videos.phases import LIVE, STATUS, TERMINAL, Phase, Status

OPERATION_MAX = 1000  # characters of an operation's name
IMPORTED = "imported"  # the provider of jobs that another system created and charged

# Constraints are frozen into migrations, so their values are sorted.
_LIVE, _TERMINAL = sorted(LIVE), sorted(TERMINAL)


class VideoJob(Record):
    """One requested video, from the request to the stored file."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="video_jobs")
    # The request.
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
    # Not a foreign key, whose constraint would scan the table when it is added; `videos.deletion` empties it.
    retry_of_id = models.UUIDField(null=True, editable=False, help_text="The failed job that this one repeats.")
    expected_seconds = models.IntegerField(
        null=True, editable=False, help_text="How long jobs like it took when it was created; unknown: null."
    )
    # Its upstream, fixed at creation, so that an edit of the catalogue does not affect jobs in flight.
    provider = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100, blank=True)
    operation = models.CharField(max_length=OPERATION_MAX, blank=True, help_text="The provider's name for the work.")
    result = models.TextField(blank=True, help_text="Where the provider has the finished file.")
    # Its state.
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.QUEUED)
    slot = models.PositiveSmallIntegerField(null=True, help_text="Its place among the owner's unfinished jobs.")
    due_at = models.DateTimeField(null=True, help_text="When the sweeper handles it next.")
    lease = models.UUIDField(null=True, help_text="Token of the process that has claimed it; new with every claim.")
    lease_until = models.DateTimeField(null=True, help_text="The end of a lease or a back-off; not claimed before.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Failed tries in this phase.")
    doubtful_submits = models.SmallIntegerField(
        default=0, db_default=0, editable=False, help_text="Refused submits that may have been accepted."
    )
    # Counted separately from `attempts`: each has a limit of its own.
    lasting_refusals = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Submits refused by a used-up quota since the last accepted one.",
    )
    store_tries = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Polls in a row whose result could not be stored.",
    )
    missing_tries = models.SmallIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Polls or transfers that found nothing at the provider.",
    )
    submit_attempts = models.SmallIntegerField(  # not a positive one: its constraint would scan the table
        default=0, db_default=0, help_text="Tries of the submit step before the accepted one."
    )
    refused_by = models.JSONField(
        null=True, editable=False, help_text="Upstreams that refused it: [[provider, model, code], …]."
    )
    progress_percentage = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    generated_at = models.DateTimeField(null=True, help_text="When the provider reported the finished video.")
    completed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    provider_reply = models.TextField(blank=True, help_text="The provider's own words; for staff only.")
    tokens_charged = models.PositiveIntegerField(default=0)
    # `videos.engine.outcomes.refund` copies it from the ledger, so that a list needs no second query. No constraint:
    # adding one would scan the table; `manage.py reconcile` compares.
    tokens_refunded = models.IntegerField(default=0, db_default=0)
    # Distinguishes a job without pictures from one whose pictures were deleted.
    input_count = models.PositiveSmallIntegerField(
        null=True, default=0, help_text="Pictures it was created with; unknown for the oldest jobs."
    )
    broken_result = models.JSONField(
        null=True,
        editable=False,
        help_text='The provider\'s file that cannot be played: {"sha256": …, "times": 2, "since": …}.',
    )
    storage_refusal = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Why the storage refuses the video until an operator fixes the cause.",
    )
    # The result.
    video = models.FileField(storage=media_storage, max_length=300, blank=True)
    poster = models.FileField(storage=media_storage, max_length=300, blank=True)
    video_sha256 = models.CharField(max_length=64, blank=True)
    delivered_seconds = models.FloatField(
        null=True, help_text="The video's length in seconds, where it differs from the request."
    )
    delivered_aspect_ratio = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        help_text="The video's aspect ratio, where it differs from the request.",
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
            # GET /video-jobs?all=true: all jobs
            models.Index(fields=("-created_at", "-id"), name="jobs_newest_first"),
            # readyz: a provider's last finished job
            models.Index(
                fields=("provider", "-created_at", "-id"),
                condition=Q(completed_at__isnull=False),
                name="jobs_done_of_provider",
            ),
            # the dashboard: jobs that ended today, and in the last 30 days
            models.Index(
                fields=("completed_at", "phase", "mock_mode"),
                condition=Q(completed_at__isnull=False),
                name="jobs_finished_by_kind",
            ),
            # the back office: the newest jobs with an error code
            models.Index(
                fields=("error_code", "-created_at", "-id"), condition=~Q(error_code=""), name="jobs_failed_so"
            ),
            # the sweeper: due rows
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
            # its index serves `retriedBy` of GET /video-jobs
            models.UniqueConstraint(
                name="one_retry_a_job", fields=("retry_of_id",), condition=Q(retry_of_id__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return Truncator(self.prompt).chars(60) or "video without a prompt"

    def get_additional_data(self) -> dict[str, str]:
        """For auditlog: the owner, so that a deleted account's texts are found after the job is gone."""
        return {"owner": str(self.owner_id)}

    @staticmethod
    def status_of(phase: str) -> Status:
        """The public status of a phase; for code that reaches jobs only through a relation."""
        return STATUS[Phase(phase)]

    @property
    def file_names(self) -> dict[str, str]:
        """The storage names that the job's files get, by field."""
        return {"video": f"videos/{self.pk}.mp4", "poster": f"videos/{self.pk}.jpg"}

    @property
    def status(self) -> Status:
        return self.status_of(self.phase)

    def log(self, message: str, *, level: JobLog.Level = JobLog.Level.INFO) -> None:
        """Add a line to the job's timeline; dropped if the job is deleted."""
        _LOG_LINE.run(JobLog(job_id=self.pk, level=level, message=message))


_LOG_LINE = Insert(JobLog)


def whole_seconds(seconds: float) -> int:
    """A length in seconds, rounded half up for display."""
    return int(seconds + 0.5)
