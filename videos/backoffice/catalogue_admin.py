"""The back office of the catalogue: models and their upstreams."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join

from studio.backoffice.base import BackOfficeAdmin, EditableRows, label
from videos import catalogue, suspension
from videos.api.serializers import VideoModelOutput
from videos.backoffice.catalogue_forms import ModelForm, UpstreamForm, UpstreamRows
from videos.models import Upstream, VideoModel


class UpstreamInline(EditableRows):
    """The model's upstreams, the preferred one first."""

    model = Upstream
    form = UpstreamForm
    formset = UpstreamRows
    readonly_fields = ("state",)
    collapsible = True
    verbose_name = "upstream"
    verbose_name_plural = "upstreams, the preferred one first"

    def get_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """The form's fields; for users who may only view, the stored lengths."""
        names: tuple[str, ...] = UpstreamForm.Meta.fields
        if not self.has_change_permission(request, obj):
            stored = {"seconds_720p": "durations", "price_720p": "prices"}
            only_asked = {"seconds_1080p", "price_1080p", "resume"}
            names = tuple(stored.get(name, name) for name in names if name not in only_asked)
        return ("state", *names)

    @admin.display(description="now")
    def state(self, upstream: Upstream) -> str:
        """Whether the stored upstream is in use, and the reason if not."""
        if upstream._state.adding:
            return "not saved yet"
        reason = catalogue.why_unused(upstream)
        return f"Not used: {reason}." if reason else "In use."


@admin.register(VideoModel)
class VideoModelAdmin(BackOfficeAdmin):
    """The catalogue. An edit applies from the next request on; jobs in flight keep their upstream."""

    form = ModelForm
    list_display = ("title", "name", "is_offered", "offered_lengths", "made_by", "out_of_use")
    list_display_links = ("title", "name")
    inlines = (UpstreamInline,)
    change_form_outer_before_template = "admin/videos/offer.html"

    @admin.display(description="made by")
    def made_by(self, model: VideoModel) -> str:
        """The upstreams that could make a video now."""
        upstreams = catalogue.usable_upstreams(model)
        return (
            ", ".join(f"{row.provider}: {row.upstream_model}" for row in upstreams) or "no provider: mock videos only"
        )

    @admin.display(description="out of use")
    def out_of_use(self, model: VideoModel) -> str:
        """Each upstream that is retired, suspended or switched off, with the reason."""
        gone = (up for up in model.upstreams.all() if catalogue.is_retired(up) or up.suspended_at or not up.is_enabled)
        lines = [(label(catalogue.why_unused(up), "warning"), str(up)) for up in gone]
        return format_html_join("", "<div>{} {}</div>", lines) or "-"

    @admin.display(description="what the frontend offers")
    def offered_lengths(self, model: VideoModel) -> str:
        if not model.is_offered:
            return "nothing"
        lengths = catalogue.offer_of(model).durations.items()
        text = "; ".join(f"{resolution}: {', '.join(map(str, seconds))} s" for resolution, seconds in lengths)
        return f"{text} (the default)" if model.name == catalogue.DEFAULT_MODEL else text

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoModel]:
        return super().get_queryset(request).prefetch_related("upstreams")

    def get_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """Without the confirmation for users who may only view."""
        names = ModelForm.Meta.fields
        return (*names, "only_mock") if self.has_change_permission(request, obj) else names

    def get_readonly_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """An existing model keeps its name."""
        return ("name",) if obj else ()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        model: VideoModel | None = self.get_object(request, object_id)
        context = {"offer": _as_the_api_returns(model) if model else "", **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Resume the suspended upstreams that were ticked, and describe the new offer."""
        super().save_related(request, form, formsets, change)
        for row in (row for formset in formsets for row in formset.forms if row not in formset.deleted_forms):
            if row.cleaned_data.get("resume"):  # `clean` resumed this row; other models may have the same upstream
                suspension.resume(provider=row.instance.provider, upstream_model=row.instance.upstream_model)
        model = VideoModel.objects.get(pk=form.instance.pk)
        text = (
            f"The frontend now offers for {model.name}: {self.offered_lengths(model)}. Made by {self.made_by(model)}."
        )
        self.message_user(request, text, messages.INFO)

    def has_delete_permission(self, request: HttpRequest, obj: VideoModel | None = None) -> bool:
        """Not the default model, which requests without a model use."""
        if obj and obj.name == catalogue.DEFAULT_MODEL:
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Models are deleted one by one, each on its own page."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


def _as_the_api_returns(model: VideoModel) -> str:
    if not model.is_offered:
        return ""
    text = json.dumps(VideoModelOutput(catalogue.offer_of(model)).data, indent=2)
    return format_html("<pre class='overflow-x-auto text-sm'>{}</pre>", text)
