"""Video jobs, for staff."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.text import Truncator

from studio.admin import BackOfficeAdmin, ReadOnlyRows
from studio.errors import StudioError
from videos import catalogue_admin as _catalogue_admin  # noqa: F401 -- Django looks for pages here, and only here
from videos import deletion
from videos.adoption import OPERATION_MAX, adopt_operation
from videos.models import JobLog, VideoJob


class AdoptForm(forms.Form):
    """Which operation a job shall go on with."""

    operation = forms.CharField(max_length=OPERATION_MAX, help_text="Its name, as the provider spells it.")


def _may_adopt(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("videos.change_videojob"))


class JobLogInline(ReadOnlyRows):
    """The job's story."""

    model = JobLog
    fields = readonly_fields = ("timestamp", "level", "message")


@admin.register(VideoJob)
class VideoJobAdmin(BackOfficeAdmin):
    """Jobs are looked at, and deleted through the use case; nothing of them is edited by hand."""

    list_display = ("short_id", "owner__email", "phase", "progress_percentage", "asked_for", "error_code", "created_at")
    list_filter = ("phase", "error_code", "provider", "mock_mode", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "owner__email", "prompt")
    date_hierarchy = "created_at"
    inlines = (JobLogInline,)

    @admin.display(description="Job", ordering="id")
    def short_id(self, job: VideoJob) -> str:
        """Enough to tell it from its neighbours."""
        return str(job.pk)[:8]

    @admin.display(description="Asked for")
    def asked_for(self, job: VideoJob) -> str:
        """The beginning of the prompt, and who makes it."""
        return f"{Truncator(job.prompt).chars(40)} ({job.provider})"

    def get_urls(self) -> list[Any]:
        """With a page of our own."""
        adopt = path("<uuid:job_id>/adopt/", self.admin_site.admin_view(self.adopt), name="videos_videojob_adopt")
        return [adopt, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With a link to that page, for those who may use it."""
        context = {"has_adopt_permission": _may_adopt(request), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def adopt(self, request: HttpRequest, job_id: UUID) -> HttpResponse:
        """Ask for an operation's name, and let the job go on with it."""
        job = get_object_or_404(VideoJob, pk=job_id)
        if not _may_adopt(request):
            raise PermissionDenied
        form = AdoptForm(request.POST or None)
        if form.is_valid():
            try:
                adopt_operation(job_id=job_id, operation=form.cleaned_data["operation"])
            except StudioError as exc:
                form.add_error("operation", exc.message)
            else:
                self.log_change(request, job, f"Adopted the operation {form.cleaned_data['operation']}.")
                self.message_user(request, "Taken up again; the sweeper asks the provider within seconds.")
                return redirect("admin:videos_videojob_change", job_id)
        context = {**self.admin_site.each_context(request), "title": "Adopt an operation", "job": job, "form": form}
        return render(request, "admin/videos/videojob/adopt.html", context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The engine moves them."""
        return False

    def delete_model(self, request: HttpRequest, obj: VideoJob) -> None:
        """Like the API does it."""
        deletion.delete(job_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> None:
        """Like the API does it, one by one."""
        for job_id in queryset.values_list("pk", flat=True):
            deletion.delete(job_id=job_id)
