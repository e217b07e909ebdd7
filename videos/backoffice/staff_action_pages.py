"""The back office's pages for what staff does to jobs by hand: each asks first, then calls one use case.

`INTERVENTIONS` says it all once: the buttons on a job's page, the actions of the list, the questions, the rights.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, strip_tags

from accounts.models import LedgerEntry, User
from accounts.sign_in.identity import caller
from studio.backoffice.base import moment
from studio.errors import StudioError
from videos import staff_actions
from videos.backoffice.staff_action_forms import AdoptForm, NothingToAsk, ReasonForm, RetryForm
from videos.failures import ADOPTABLE
from videos.models import VideoJob
from videos.phases import LIVE, Phase
from videos.recovery.adoption import adopt_operation
from videos.recovery.resumption import can_resume, resume_storing

MOST_AT_ONCE = 100  # jobs; each is a transaction of its own, and somebody waits for the page
RESUMED_AT_ONCE = 10  # ... and the provider is asked about each; manage.py jobs resume takes any number
TEMPLATE = "admin/videos/videojob/intervene.html"


def _retry(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    again = staff_actions.retry(job_id=job.pk, charge=answers["payment"] == "charge", actor=actor)
    terms = "charged to the owner" if again.tokens_charged else "free of charge"
    return format_html("Made again as job {}, {}.", _link(again), terms)


def _refund(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    tokens = staff_actions.refund(job_id=job.pk, reason=answers["reason"], actor=actor)
    return f"{tokens} tokens were given back: {answers['reason']}"


def _stop(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    staff_actions.fail_and_refund(job_id=job.pk, reason=answers["reason"], actor=actor)
    return f"Stopped, and its tokens given back: {answers['reason']}"


def _hurry(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    staff_actions.poll_now(job_id=job.pk, actor=actor)
    return "Polled now; reload in some seconds to see the outcome."


def _adopt(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    adopt_operation(job_id=job.pk, operation=answers["operation"], actor=actor)
    return f"Taken up again with the operation {answers['operation']}; the sweeper asks the provider within seconds."


def _resume(job: VideoJob, answers: dict[str, Any], actor: User) -> str:
    resume_storing(job_id=job.pk, actor=actor)
    return "The provider still has the file; it is fetched and stored again. Nothing was charged."


def _link(job: VideoJob) -> str:
    url = reverse("admin:videos_videojob_change", args=[job.pk])
    return format_html('<a class="studio-link" href="{}">{}</a>', url, job.short_id)


def _refusal(exc: StudioError) -> str:
    """Why not; with a link to the job that was made, where it was made again before."""
    if not isinstance(exc, staff_actions.MadeAgainBefore):
        return exc.message
    at = moment(exc.job.created_at)
    return format_html("This job was already made again, at {} as job {}.", at, _link(exc.job))


def _has_something_to_give_back(job: VideoJob) -> bool:
    entries = LedgerEntry.objects.filter(video_job_id=job.pk, kind=LedgerEntry.Kind.REFUND)
    return job.tokens_charged > 0 and not entries.exists()


@dataclass(frozen=True, kw_only=True)
class Intervention:
    """Something that staff can do to a job; `run` does it, and returns what to remember of it."""

    name: str
    title: str
    icon: str
    explanation: str
    run: Callable[[VideoJob, dict[str, Any], User], str]
    makes_sense: Callable[[VideoJob], bool]
    form: type[forms.Form] = NothingToAsk
    permissions: tuple[str, ...] = (staff_actions.OPERATE,)
    for_several: bool = True
    most_at_once: int = MOST_AT_ONCE

    def is_allowed(self, request: HttpRequest) -> bool:
        """Whether the person who asks may do this to some job at all."""
        return any(map(request.user.has_perm, self.permissions))


INTERVENTIONS = (
    Intervention(
        name="retry",
        title="Make again",
        icon="replay",
        explanation=(
            "A new video with the same prompt, pictures, options and look, for the same owner. It needs a free place "
            "among the owner's three, and goes to whoever makes this model today. The failed job stays as it is."
        ),
        run=_retry,
        makes_sense=lambda job: job.phase == Phase.FAILED,
        form=RetryForm,
    ),
    Intervention(
        name="refund",
        title="Give tokens back",
        icon="undo",
        explanation="What the owner paid for this video goes back to their account, once. The video stays.",
        run=_refund,
        makes_sense=_has_something_to_give_back,
        form=ReasonForm,
        permissions=(staff_actions.REFUND, staff_actions.OPERATE),
    ),
    Intervention(
        name="stop",
        title="Stop and refund",
        icon="stop_circle",
        explanation=(
            "The job ends as failed, its owner can start another one at once, and the tokens go back. What the "
            "provider still delivers is thrown away; what it costs us is paid all the same. This cannot be undone."
        ),
        run=_stop,
        makes_sense=lambda job: job.phase in LIVE,
        form=ReasonForm,
    ),
    Intervention(
        name="hurry",
        title="Poll now",
        icon="bolt",
        explanation=(
            "The next step of this job happens at once, instead of when its wait is over: the provider is asked, or "
            "a worker is told. It does no harm, and costs nothing."
        ),
        run=_hurry,
        makes_sense=lambda job: job.phase in LIVE,
    ),
    Intervention(
        name="adopt",
        title="Adopt an operation",
        icon="link",
        explanation=(
            "The provider may have made and billed this video, though we lost its response or could not read it. The "
            "operation's name is on this page, in our logs (“operation.accepted”) or in the provider's console; with "
            "it the job continues to the finished video. Tokens that were given back stay with the owner."
        ),
        run=_adopt,
        makes_sense=lambda job: job.error_code in ADOPTABLE,
        form=AdoptForm,
        for_several=False,
    ),
    Intervention(
        name="resume",
        title="Resume storing",
        icon="cloud_upload",
        explanation=(
            "The provider has made and billed this video, and only our storage did not take it. The provider is asked "
            "whether it still has the file; if so, the job is fetched and stored again. Nothing is charged, and tokens "
            "that were given back stay with the owner. Mend the storage first: manage.py doctor tries it."
        ),
        run=_resume,
        makes_sense=can_resume,
        most_at_once=RESUMED_AT_ONCE,
    ),
)


class InterventionPages(ModelAdmin):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """What an admin of video jobs needs to offer every intervention, on a job's page and for several of the list."""

    def get_urls(self) -> list[URLPattern]:
        """With a page for each."""
        pages = [
            path(
                f"<uuid:job_id>/{intervention.name}/",
                self.admin_site.admin_view(self._page_of(intervention)),
                name=f"videos_videojob_{intervention.name}",
            )
            for intervention in INTERVENTIONS
        ]
        return [*pages, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """With those that make sense for several jobs, and that the person may use."""
        actions: dict[str, Any] = super().get_actions(request)
        for intervention in INTERVENTIONS:
            if intervention.for_several and intervention.is_allowed(request):
                actions[intervention.name] = (self._action_of(intervention), intervention.name, intervention.title)
        return actions

    def offered(self, request: HttpRequest, job: VideoJob) -> list[dict[str, str]]:
        """The buttons of a job's page: what makes sense in its state, and what the person may do."""
        return [
            {
                "title": intervention.title,
                "icon": intervention.icon,
                "url": reverse(f"admin:videos_videojob_{intervention.name}", args=[job.pk]),
            }
            for intervention in INTERVENTIONS
            if intervention.makes_sense(job) and intervention.is_allowed(request)
        ]

    def _page_of(self, intervention: Intervention) -> Callable[..., HttpResponse]:
        def page(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
            if not intervention.is_allowed(request):
                raise PermissionDenied
            job = get_object_or_404(VideoJob.objects.select_related("owner"), pk=job_id)
            if request.method != "POST" and not intervention.makes_sense(job):
                self.message_user(request, "This is not possible in the job's present state.", messages.WARNING)
                return redirect("admin:videos_videojob_change", job_id)
            return self._asked_about_one(request, intervention, job)

        return page

    def _asked_about_one(self, request: HttpRequest, intervention: Intervention, job: VideoJob) -> HttpResponse:
        data = request.POST if request.method == "POST" else None
        form = intervention.form(data, initial={"operation": job.operation})
        if form.is_valid():
            try:
                outcome = self._intervene(request, intervention, job, form)
            except staff_actions.MadeAgainBefore as exc:  # no error to correct in the form: it was pressed twice
                self.message_user(request, _refusal(exc), messages.WARNING)
                return redirect("admin:videos_videojob_change", job.pk)
            except StudioError as exc:
                form.add_error(None, exc.message)
            else:
                self.message_user(request, outcome, messages.SUCCESS)
                return redirect("admin:videos_videojob_change", job.pk)
        return self._ask(
            request, intervention, form, [job], back=reverse("admin:videos_videojob_change", args=[job.pk])
        )

    def _action_of(self, intervention: Intervention) -> Callable[..., HttpResponse | None]:
        def action(_: Any, request: HttpRequest, queryset: QuerySet[VideoJob]) -> HttpResponse | None:
            most = min(MOST_AT_ONCE, intervention.most_at_once)
            jobs = list(queryset.select_related("owner")[: most + 1])
            if len(jobs) > most:
                self.message_user(request, f"Choose at most {most} jobs at once.", messages.ERROR)
                return None
            form = intervention.form(request.POST if "confirmed" in request.POST else None)
            if not form.is_bound or not form.is_valid():
                return self._ask(request, intervention, form, jobs, back=request.get_full_path())
            self._do_to_all(request, intervention, form, jobs)
            return HttpResponseRedirect(request.get_full_path())

        return action

    def _do_to_all(
        self, request: HttpRequest, intervention: Intervention, form: forms.Form, jobs: Sequence[VideoJob]
    ) -> None:
        """Each on its own: what one refuses does not keep the others."""
        done = 0
        for job in jobs:
            try:
                self._intervene(request, intervention, job, form)
            except StudioError as exc:
                text = format_html("Job {} of {}: {}", job.short_id, job.owner.email, _refusal(exc))
                self.message_user(request, text, messages.ERROR)
            else:
                done += 1
        level = messages.SUCCESS if done == len(jobs) else messages.WARNING
        self.message_user(request, f"{intervention.title}: done for {done} of {len(jobs)} jobs.", level)

    def _intervene(self, request: HttpRequest, intervention: Intervention, job: VideoJob, form: forms.Form) -> str:
        outcome = intervention.run(job, form.cleaned_data, caller(request))
        self.log_change(request, job, strip_tags(outcome))
        return outcome

    def _ask(
        self, request: HttpRequest, intervention: Intervention, form: forms.Form, jobs: Sequence[VideoJob], *, back: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": intervention.title,
            "intervention": intervention,
            "form": form,
            "jobs": jobs,
            "unfit": [job for job in jobs if not intervention.makes_sense(job)],
            "back": back,
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return render(request, TEMPLATE, context)
