"""Finds one job among a million: filters whose choices read no table, and an indexed search."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import User
from studio.backoffice.base import begins_with, by_id, first_found
from studio.emails import normal_email
from videos.failures import FAILURES
from videos.models import VideoJob, VideoModel
from videos.phases import LIVE, Status, phases_of
from videos.providers import registry

OWNERS_MOST = 100  # users whose e-mail address begins with the text
PROMPTS_SEARCHED = 20_000  # of the newest jobs: reading a million prompts would take a minute


def search_jobs(*, jobs: QuerySet[VideoJob], text: str) -> QuerySet[VideoJob]:
    """The jobs whose id or owner's e-mail address begins with the text, or whose prompt contains it.

    A text with an @ is an e-mail address, and is not searched in prompts.
    """
    text = text.strip()
    return first_found(text, by_id(jobs, text), _by_words(jobs, text)) if text else jobs


def _by_words(jobs: QuerySet[VideoJob], text: str) -> QuerySet[VideoJob]:
    by_email = begins_with("email", normal_email(text))
    owners = list(User.objects.filter(by_email).values_list("pk", flat=True)[:OWNERS_MOST])
    if "@" in text:
        return jobs.filter(owner__in=owners)
    return jobs.filter(Q(owner__in=owners) | Q(_is_recent(), prompt__icontains=text))


def _is_recent() -> Q:
    times = VideoJob.objects.order_by("-created_at", "-id").values_list("created_at", flat=True)
    limit = times[PROMPTS_SEARCHED - 1 : PROMPTS_SEARCHED].first()
    return Q(created_at__gte=limit) if limit else Q()


class StatusFilter(admin.SimpleListFilter):
    """The four statuses of the API."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, status.label) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> QuerySet[VideoJob]:
        word = self.value()
        if word not in Status.values:
            return queryset
        phases = phases_of(Status(word or ""))
        queryset = queryset.filter(phase__in=phases)
        # matches the same rows, but lets the index of live jobs serve the query
        return queryset.filter(due_at__isnull=False) if set(phases) <= LIVE else queryset


class ErrorCodeFilter(admin.SimpleListFilter):
    """The error codes."""

    title = "error code"
    parameter_name = "error_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """List the codes that exist: reading them from the table would scan it."""
        return [(code, code) for code in sorted(FAILURES)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> QuerySet[VideoJob]:
        return queryset.filter(error_code=self.value()) if self.value() else queryset


class ModelFilter(admin.SimpleListFilter):
    """The public models."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(VideoModel.objects.order_by("position").values_list("name", "title"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> QuerySet[VideoJob]:
        return queryset.filter(model=self.value()) if self.value() else queryset


class ProviderFilter(admin.SimpleListFilter):
    """The providers."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in registry.PROVIDERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[VideoJob]) -> QuerySet[VideoJob]:
        return queryset.filter(provider=self.value()) if self.value() else queryset
