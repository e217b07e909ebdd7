"""The back office's pages of the staff actions on jobs. Each asks for confirmation, then calls one use case."""

import uuid
from collections.abc import Callable, Sequence
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

from accounts.sign_in.identity import caller
from studio.errors import StudioError
from videos.backoffice.staff_action_table import MOST_AT_ONCE, STAFF_ACTIONS, StaffAction, refusal
from videos.models import VideoJob
from videos.recovery.retry import AlreadyRetried

TEMPLATE = "admin/videos/videojob/staff_action.html"


class StaffActionPages(ModelAdmin):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """Offers the staff actions on a job's page, and for several jobs of the list."""

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(
                f"<uuid:job_id>/{action.name}/",
                self.admin_site.admin_view(self._page_view(action)),
                name=f"videos_videojob_{action.name}",
            )
            for action in STAFF_ACTIONS
        ]
        return [*pages, *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Adds the actions for several jobs that the user may use."""
        actions: dict[str, Any] = super().get_actions(request)
        for action in STAFF_ACTIONS:
            if action.for_several and action.is_allowed(request):
                actions[action.name] = (self._list_action(action), action.name, action.title)
        return actions

    def available_actions(self, request: HttpRequest, job: VideoJob) -> list[dict[str, str]]:
        """The buttons of a job's page: actions that fit its state and that the user may use."""
        return [
            {
                "title": action.title,
                "icon": action.icon,
                "url": reverse(f"admin:videos_videojob_{action.name}", args=[job.pk]),
            }
            for action in STAFF_ACTIONS
            if action.makes_sense(job) and action.is_allowed(request)
        ]

    def _page_view(self, action: StaffAction) -> Callable[..., HttpResponse]:
        def page(request: HttpRequest, job_id: uuid.UUID) -> HttpResponse:
            if not action.is_allowed(request):
                raise PermissionDenied
            job = get_object_or_404(VideoJob.objects.select_related("owner"), pk=job_id)
            if request.method != "POST" and not action.makes_sense(job):
                self.message_user(request, "This is not possible in the job's current state.", messages.WARNING)
                return redirect("admin:videos_videojob_change", job_id)
            return self._handle_form(request, action, job)

        return page

    def _handle_form(self, request: HttpRequest, action: StaffAction, job: VideoJob) -> HttpResponse:
        data = request.POST if request.method == "POST" else None
        form = action.form(data, initial={"operation": job.operation})
        if form.is_valid():
            try:
                outcome = self._run(request, action, job, form)
            except AlreadyRetried as exc:  # the button was pressed twice: no error to correct in the form
                self.message_user(request, refusal(exc), messages.WARNING)
                return redirect("admin:videos_videojob_change", job.pk)
            except StudioError as exc:
                form.add_error(None, exc.message)
            else:
                self.message_user(request, outcome, messages.SUCCESS)
                return redirect("admin:videos_videojob_change", job.pk)
        return self._confirmation_page(
            request, action, form, [job], back=reverse("admin:videos_videojob_change", args=[job.pk])
        )

    def _list_action(self, action: StaffAction) -> Callable[..., HttpResponse | None]:
        def run(_: Any, request: HttpRequest, queryset: QuerySet[VideoJob]) -> HttpResponse | None:
            most = min(MOST_AT_ONCE, action.most_at_once)
            jobs = list(queryset.select_related("owner")[: most + 1])
            if len(jobs) > most:
                self.message_user(request, f"Choose at most {most} jobs at once.", messages.ERROR)
                return None
            form = action.form(request.POST if "confirmed" in request.POST else None)
            if not form.is_bound or not form.is_valid():
                return self._confirmation_page(request, action, form, jobs, back=request.get_full_path())
            self._run_for_all(request, action, form, jobs)
            return HttpResponseRedirect(request.get_full_path())

        return run

    def _run_for_all(
        self, request: HttpRequest, action: StaffAction, form: forms.Form, jobs: Sequence[VideoJob]
    ) -> None:
        """Run the action for each job; one refusal does not stop the others."""
        done = 0
        for job in jobs:
            try:
                self._run(request, action, job, form)
            except StudioError as exc:
                text = format_html("Job {} of {}: {}", job.short_id, job.owner.email, refusal(exc))
                self.message_user(request, text, messages.ERROR)
            else:
                done += 1
        level = messages.SUCCESS if done == len(jobs) else messages.WARNING
        self.message_user(request, f"{action.title}: done for {done} of {len(jobs)} jobs.", level)

    def _run(self, request: HttpRequest, action: StaffAction, job: VideoJob, form: forms.Form) -> str:
        outcome = action.run(job, form.cleaned_data, caller(request))
        self.log_change(request, job, strip_tags(outcome))
        return outcome

    def _confirmation_page(
        self, request: HttpRequest, action: StaffAction, form: forms.Form, jobs: Sequence[VideoJob], *, back: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": action.title,
            "staff_action": action,
            "form": form,
            "jobs": jobs,
            "unfit": [job for job in jobs if not action.makes_sense(job)],
            "back": back,
            "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return render(request, TEMPLATE, context)
