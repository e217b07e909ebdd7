"""The back office of video jobs: search, timeline, and actions through the use cases. No field can be edited."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import Truncator
from django.utils.timesince import timesince

from accounts.models import LedgerEntry
from accounts.sign_in.identity import caller
from looks.models import LookVideo
from studio.backoffice.base import BackOfficeAdmin, DaysFilter, badge, label, moment
from studio.media.storage import media_storage
from videos import deletion
from videos.backoffice import account_admin as _account_admin  # noqa: F401 -- Django imports admin pages from this module only
from videos.backoffice import catalogue_admin as _catalogue_admin  # noqa: F401 -- as above
from videos.backoffice import job_search
from videos.backoffice import webhook_admin as _webhook_admin  # noqa: F401 -- as above
from videos.backoffice.staff_action_pages import StaffActionPages
from videos.models import VideoJob, VideoModel
from videos.phases import Status

COLOURS = {
    Status.PENDING.value: "warning",
    Status.RUNNING.value: "info",
    Status.SUCCEEDED.value: "success",
    Status.FAILED.value: "danger",
}


@admin.register(VideoJob)
class VideoJobAdmin(StaffActionPages, BackOfficeAdmin):
    """Video jobs. A job's page starts with its timeline and the provider's raw reply."""

    list_display = ("poster_column", "job", "status_column", "owner_and_look", "age", "model_column", "tokens")
    list_display_links = ("poster_column", "job")
    list_filter = (
        job_search.StatusFilter,
        "phase",
        job_search.ErrorCodeFilter,
        job_search.ModelFilter,
        job_search.ProviderFilter,
        "mock_mode",
        ("created_at", DaysFilter),
    )
    list_filter_sheet = True
    list_select_related = ("owner",)
    search_fields = ("id",)  # Django shows the box for it; `get_search_results` says what is searched
    search_help_text = "The beginning of an id (4 characters) or of an e-mail address, or words of the prompt."
    fieldsets = (
        (
            "Request",
            {
                "fields": (
                    "prompt",
                    ("owner_link", "look_link"),
                    ("model_title", "mock_mode"),
                    ("resolution", "aspect_ratio"),
                    ("duration_seconds", "generate_audio"),
                )
            },
        ),
        (
            "State",
            {
                "fields": (
                    ("phase", "progress_percentage"),
                    ("delivered_seconds", "delivered_aspect_ratio"),
                    ("error_code", "error_message"),
                    ("created_at", "started_at"),
                    ("generated_at", "completed_at"),
                    ("due_at", "lease_until"),
                    ("attempts", "slot"),
                )
            },
        ),
        (
            "At the provider",
            {"fields": (("provider", "upstream_model"), "refusing_upstreams", "operation", "result")},
        ),
        ("Ids", {"classes": ("collapse",), "fields": ("id", "idempotency_key", "video_sha256", "lease")}),
    )

    @admin.display(description="Picture")
    def poster_column(self, job: VideoJob) -> str:
        if not job.poster:
            return mark_safe('<span class="studio-no-poster">no picture</span>')
        return format_html(
            '<img src="{}" alt="Poster of the video" class="studio-poster" loading="lazy">', job.poster.url
        )

    @admin.display(description="Job", ordering="id")
    def job(self, job: VideoJob) -> str:
        prompt = Truncator(job.prompt).chars(40) or "without a prompt"
        return format_html('<span class="studio-id">{}</span><br>{}', job.short_id, prompt)

    @badge(description="Status", colours=COLOURS)
    def status_column(self, job: VideoJob) -> tuple[str, str]:
        detail = job.error_code or (f"{job.progress_percentage} %" if job.status == Status.RUNNING else "")
        return job.status.value, f"{job.status.label}: {detail}" if detail else job.status.label

    @admin.display(description="Owner", ordering="owner__email")
    def owner_link(self, job: VideoJob) -> str:
        return _link("admin:accounts_user_change", job.owner_id, job.owner.email)

    @admin.display(description="Owner, look", ordering="owner__email")
    def owner_and_look(self, job: VideoJob) -> str:
        """Owner above look, so that the list fits a laptop's screen."""
        return format_html("{}<br>{}", self.owner_link(job), self.look_link(job))

    @admin.display(description="Look")
    def look_link(self, job: VideoJob) -> str:
        links = [row.look for row in job.look_videos.all()]
        return _link("admin:looks_look_change", links[0].pk, links[0].title) if links else "-"

    @admin.display(description="Created", ordering="created_at")
    def age(self, job: VideoJob) -> str:
        ago = timesince(job.created_at, timezone.now(), depth=1)
        return format_html('<time title="{}">{} ago</time>', moment(job.created_at), ago)

    @admin.display(description="Model", ordering="model")
    def model_column(self, job: VideoJob) -> str:
        """The model's title, and a label of mock videos."""
        title = getattr(job, "model_name", job.model)
        return format_html("{}<br>{}", title, label("mock", "warning")) if job.mock_mode else title

    @admin.display(description="Model")
    def model_title(self, job: VideoJob) -> str:
        return f"{_titles().get(job.model, job.model)} ({job.model})"

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        titles = _titles()
        for job in rows:
            job.model_name = titles.get(job.model, job.model)

    @admin.display(description="Tokens", ordering="tokens_charged")
    def tokens(self, job: VideoJob) -> str:
        return str(job.tokens_charged)

    @admin.display(description="Refused by")
    def refusing_upstreams(self, job: VideoJob) -> str:
        return ", ".join(f"{provider}: {model} ({code})" for provider, model, code in job.refused_by or ()) or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoJob]:
        looks = Prefetch("look_videos", LookVideo.objects.select_related("look").order_by("created_at", "id"))
        return super().get_queryset(request).prefetch_related(looks)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VideoJob], search_term: str
    ) -> tuple[QuerySet[VideoJob], bool]:
        """Search by id, e-mail address or prompt."""
        return job_search.search_jobs(jobs=queryset, text=search_term), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**self._beside_the_fields(request, object_id), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def _beside_the_fields(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        job = self.get_object(request, object_id)
        if job is None:
            return {}
        inputs = [(row.get_role_display(), media_storage().url(row.file_name)) for row in job.inputs.all()]
        entries = LedgerEntry.objects.filter(video_job_id=job.pk).select_related("actor").order_by("created_at", "id")
        can_see_money = request.user.has_perm("accounts.view_ledgerentry")
        return {
            "title": str(job),
            "subtitle": None,
            "timeline": job.logs.order_by("timestamp", "id") if request.user.has_perm("videos.view_joblog") else None,
            "origin": VideoJob.objects.filter(pk=job.retry_of_id).first() if job.retry_of_id else None,
            "successors": VideoJob.objects.filter(retry_of_id=job.pk).order_by("created_at", "id"),
            "status_colour": COLOURS[job.status.value],
            "staff_actions": self.available_actions(request, job),
            "inputs": inputs,
            "entries": entries if can_see_money else None,
        }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("owner_link", "look_link", "model_title", "refusing_upstreams", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the API creates jobs."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only the engine changes jobs."""
        return False

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """The jobs only, without their logs and links, which are deleted too."""
        jobs = list(objs)
        lacking = set() if self.has_delete_permission(request) else {"video job"}
        names = [f"{job.short_id}, {job.get_phase_display()}: {Truncator(job.prompt).chars(60)}" for job in jobs]
        return names, {"video jobs": len(jobs)}, lacking, []

    def delete_model(self, request: HttpRequest, obj: VideoJob) -> None:
        """Delete as the API does."""
        deletion.delete_by_staff(job_id=obj.pk, actor=caller(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> None:
        """Delete as the API does, one by one."""
        for job_id in queryset.values_list("pk", flat=True):
            deletion.delete_by_staff(job_id=job_id, actor=caller(request))


def _titles() -> dict[str, str]:
    """Each model's title, by its public name."""
    return dict(VideoModel.objects.order_by().values_list("name", "title"))


def _link(view: str, key: Any, text: str) -> str:
    return format_html('<a class="studio-link" href="{}">{}</a>', reverse(view, args=[key]), text)
