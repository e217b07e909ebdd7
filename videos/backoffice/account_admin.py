"""The pages of users and of the ledger, completed with video jobs. They replace those of `accounts`."""

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.backoffice.ledger_admin import LedgerEntryAdmin
from accounts.backoffice.recent_activity import ROWS, RecentTable, link
from accounts.backoffice.user_admin import UserAdmin
from accounts.models import LedgerEntry, User
from studio.backoffice.base import list_url, moment
from videos.limits import VIDEO_PRICE_TOKENS
from videos.models import VideoJob

admin.site.unregister((User, LedgerEntry))


def _jobs(user: User) -> list[list[str]]:
    jobs = user.video_jobs.order_by("-created_at", "-id")[:ROWS]
    return [
        [
            moment(job.created_at),
            link("videos_videojob", job, Truncator(job.prompt).chars(60) or "no prompt"),
            job.status,
        ]
        for job in jobs.only("created_at", "prompt", "phase")
    ]


JOBS = RecentTable(
    title="Video jobs",
    permission="videos.view_videojob",
    page="videos_videojob",
    headers=("Created", "Prompt", "Status"),
    rows=_jobs,
)


@admin.register(User)
class UserWithJobsAdmin(UserAdmin):
    """Users, with their numbers of jobs and their newest ones."""

    list_display = ("address", "role", "balance", "live_jobs", "all_jobs", "last_login", "can_sign_in")
    recent_tables = (JOBS, *UserAdmin.recent_tables)

    @admin.display(description="jobs now")
    def live_jobs(self, user: Any) -> str:
        return _jobs_link(user, user.live_jobs)

    @admin.display(description="jobs in all")
    def all_jobs(self, user: Any) -> str:
        return _jobs_link(user, user.all_jobs)

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Count the jobs of the users on this page, by an index."""
        jobs = VideoJob.objects.filter(owner__in=rows).order_by()
        in_all = dict(jobs.values_list("owner").annotate(Count("pk")))
        live = dict(jobs.live().values_list("owner").annotate(Count("pk")))
        for user in rows:
            user.all_jobs, user.live_jobs = in_all.get(user.pk, 0), live.get(user.pk, 0)

    def tokens_text(self, user: User) -> str:
        return f"{super().tokens_text(user)} A video costs {VIDEO_PRICE_TOKENS}."


def _jobs_link(user: User, number: int) -> str:
    url = list_url("videos_videojob", q=user.email)
    return format_html('<a href="{}">{}</a>', url, number) if number else "0"


@admin.register(LedgerEntry)
class LedgerEntryWithJobAdmin(LedgerEntryAdmin):
    """The ledger, with links to video jobs."""

    @admin.display(description="video job")
    def job(self, entry: LedgerEntry) -> str:
        """A link with the job's prompt; a deleted job shows its id."""
        if entry.video_job_id is None:
            return "-"
        url = reverse("admin:videos_videojob_change", args=(entry.video_job_id,))
        text = getattr(entry, "prompt", "") or super().job(entry)
        return format_html('<a href="{}">{}</a>', url, Truncator(text).chars(60))

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Read the prompts, for users who may see video jobs."""
        if not request.user.has_perm("videos.view_videojob"):
            return
        jobs = VideoJob.objects.filter(pk__in={entry.video_job_id for entry in rows} - {None}).order_by()
        prompts = dict(jobs.values_list("pk", "prompt"))
        for entry in rows:
            entry.prompt = prompts.get(entry.video_job_id, "")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> LedgerEntry | None:
        entry: LedgerEntry | None = super().get_object(request, object_id, from_field)
        if entry:
            self.complete(request, [entry])
        return entry
