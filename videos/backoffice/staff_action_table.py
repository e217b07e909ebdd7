"""Every staff action on jobs, once: its title, text, permissions, form, and the use case that it calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import LedgerEntry, User
from studio.backoffice.base import moment
from studio.errors import StudioError
from videos import staff_actions
from videos.backoffice.staff_action_forms import AdoptForm, ConfirmForm, ReasonForm, RetryForm
from videos.failures import ADOPTABLE
from videos.models import VideoJob
from videos.phases import LIVE, Phase
from videos.recovery.adoption import adopt_operation
from videos.recovery.resumption import can_resume, resume_storing
from videos.recovery.retry import AlreadyRetried, retry_by_staff

MOST_AT_ONCE = 100  # jobs; each is a transaction of its own, and the page waits for all of them
RESUMED_AT_ONCE = 10  # each also asks the provider; manage.py jobs resume takes any number


def _retry(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    again = retry_by_staff(job_id=job.pk, charge=form_data["payment"] == "charge", actor=actor)
    terms = "charged to the owner" if again.tokens_charged else "free of charge"
    return format_html("Retried as job {}, {}.", _link(again), terms)


def _refund(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    tokens = staff_actions.refund(job_id=job.pk, reason=form_data["reason"], actor=actor)
    return f"{tokens} tokens were refunded: {form_data['reason']}"


def _stop(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    staff_actions.fail_and_refund(job_id=job.pk, reason=form_data["reason"], actor=actor)
    return f"Cancelled, and its tokens refunded: {form_data['reason']}"


def _poll(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    staff_actions.poll_now(job_id=job.pk, actor=actor)
    return "The job is due now; reload the page in a few seconds to see the outcome."


def _adopt(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    adopt_operation(job_id=job.pk, operation=form_data["operation"], actor=actor)
    return (
        f"The job continues with the operation {form_data['operation']}; the sweeper polls the provider within seconds."
    )


def _resume(job: VideoJob, form_data: dict[str, Any], actor: User) -> str:
    resume_storing(job_id=job.pk, actor=actor)
    return "The provider still has the file; it is fetched and stored again. Nothing was charged."


def _link(job: VideoJob) -> str:
    url = reverse("admin:videos_videojob_change", args=[job.pk])
    return format_html('<a class="studio-link" href="{}">{}</a>', url, job.short_id)


def refusal(exc: StudioError) -> str:
    """The reason of a refusal, with a link to the new job if the job was already retried."""
    if not isinstance(exc, AlreadyRetried):
        return exc.message
    at = moment(exc.job.created_at)
    return format_html("This job was already retried, at {} as job {}.", at, _link(exc.job))


def _is_refundable(job: VideoJob) -> bool:
    entries = LedgerEntry.objects.filter(video_job_id=job.pk, kind=LedgerEntry.Kind.REFUND)
    return job.tokens_charged > 0 and not entries.exists()


@dataclass(frozen=True, kw_only=True)
class StaffAction:
    """An action on a job; `run` performs it, and returns the sentence for the page and the admin's history."""

    name: str
    title: str
    icon: str
    explanation: str
    run: Callable[[VideoJob, dict[str, Any], User], str]
    makes_sense: Callable[[VideoJob], bool]
    form: type[forms.Form] = ConfirmForm
    permissions: tuple[str, ...] = (staff_actions.OPERATE,)
    for_several: bool = True
    most_at_once: int = MOST_AT_ONCE

    def is_allowed(self, request: HttpRequest) -> bool:
        """Whether the user has one of the permissions."""
        return any(map(request.user.has_perm, self.permissions))


STAFF_ACTIONS = (
    StaffAction(
        name="retry",
        title="Retry",
        icon="replay",
        explanation=(
            "A new video with the same prompt, pictures, options and look, for the same owner. It needs one of "
            "the owner's three slots, and today's catalogue selects the provider. The failed job stays unchanged."
        ),
        run=_retry,
        makes_sense=lambda job: job.phase == Phase.FAILED,
        form=RetryForm,
    ),
    StaffAction(
        name="refund",
        title="Refund",
        icon="undo",
        explanation="Returns the tokens that the owner paid for this video, once. The video stays.",
        run=_refund,
        makes_sense=_is_refundable,
        form=ReasonForm,
        permissions=(staff_actions.REFUND, staff_actions.OPERATE),
    ),
    StaffAction(
        name="stop",
        title="Cancel and refund",
        icon="stop_circle",
        explanation=(
            "The job fails, its owner can start another one at once, and the tokens are refunded. The provider is "
            "asked to stop where it can; it may bill us all the same, and its result is dropped. This cannot be undone."
        ),
        run=_stop,
        makes_sense=lambda job: job.phase in LIVE,
        form=ReasonForm,
    ),
    StaffAction(
        name="poll",
        title="Poll now",
        icon="bolt",
        explanation=(
            "The job's next step runs now, before it is due: the sweeper polls the provider, or a worker starts. This "
            "does no harm and costs nothing."
        ),
        run=_poll,
        makes_sense=lambda job: job.phase in LIVE,
    ),
    StaffAction(
        name="adopt",
        title="Adopt an operation",
        icon="link",
        explanation=(
            "The provider may have made and billed this video although we lost its response or could not read it. The "
            "operation's name is on this page, in our logs (“operation.accepted”) or in the provider's console; with "
            "it the job continues to the finished video. Refunded tokens stay with the owner."
        ),
        run=_adopt,
        makes_sense=lambda job: job.error_code in ADOPTABLE,
        form=AdoptForm,
        for_several=False,
    ),
    StaffAction(
        name="resume",
        title="Resume storing",
        icon="cloud_upload",
        explanation=(
            "The provider generated and billed this video, but our storage did not accept it. If the provider still "
            "has the file, it is fetched and stored again. Nothing is charged, and refunded tokens stay with the "
            "owner. Repair the storage first; manage.py doctor checks it."
        ),
        run=_resume,
        makes_sense=can_resume,
        most_at_once=RESUMED_AT_ONCE,
    ),
)
