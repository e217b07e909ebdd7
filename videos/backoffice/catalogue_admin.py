"""The catalogue of models, for staff: public names, and who makes their videos."""

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
    """The ways to have the model's videos made, the preferred one first."""

    model = Upstream
    form = UpstreamForm
    formset = UpstreamRows
    readonly_fields = ("state",)
    collapsible = True
    verbose_name = "way to have its videos made"
    verbose_name_plural = "who makes its videos, the preferred one first"

    def get_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """The form's; for whoever may only look, the lengths as they are stored."""
        names: tuple[str, ...] = UpstreamForm.Meta.fields
        if not self.has_change_permission(request, obj):
            stored = {"seconds_720p": "durations", "price_720p": "prices"}
            only_asked = {"seconds_1080p", "price_1080p", "resume"}
            names = tuple(stored.get(name, name) for name in names if name not in only_asked)
        return ("state", *names)

    @admin.display(description="now")
    def state(self, upstream: Upstream) -> str:
        """Whether videos are made by it, as it is stored; else why not."""
        if upstream._state.adding:
            return "not saved yet"
        reason = catalogue.why_unused(upstream)
        return f"Not used: {reason}." if reason else "In use."


@admin.register(VideoModel)
class VideoModelAdmin(BackOfficeAdmin):
    """The catalogue. An edit counts from the next request on; jobs in flight keep their upstream."""

    form = ModelForm
    list_display = ("title", "name", "is_offered", "told", "made_by", "out_of_use")
    list_display_links = ("title", "name")
    inlines = (UpstreamInline,)
    change_form_outer_before_template = "admin/videos/offer.html"

    @admin.display(description="made by")
    def made_by(self, model: VideoModel) -> str:
        """The upstreams that could make a video now."""
        upstreams = catalogue.usable_upstreams(model)
        return ", ".join(f"{row.provider}: {row.upstream_model}" for row in upstreams) or "nobody: mock videos only"

    @admin.display(description="out of use")
    def out_of_use(self, model: VideoModel) -> str:
        """Each upstream that is retired, suspended or switched off, and why: seen before a page is opened."""
        gone = (up for up in model.upstreams.all() if catalogue.is_retired(up) or up.suspended_at or not up.is_enabled)
        lines = [(label(catalogue.why_unused(up), "warning"), str(up)) for up in gone]
        return format_html_join("", "<div>{} {}</div>", lines) or "-"

    @admin.display(description="what the frontend offers")
    def told(self, model: VideoModel) -> str:
        """Resolutions and lengths."""
        if not model.is_offered:
            return "nothing"
        lengths = catalogue.offer_of(model).durations.items()
        said = "; ".join(f"{resolution}: {', '.join(map(str, seconds))} s" for resolution, seconds in lengths)
        return f"{said} (the default)" if model.name == catalogue.DEFAULT_MODEL else said

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoModel]:
        """With the upstreams, in one more statement."""
        return super().get_queryset(request).prefetch_related("upstreams")

    def get_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """Without a question to whoever may only look."""
        names = ModelForm.Meta.fields
        return (*names, "only_mock") if self.has_change_permission(request, obj) else names

    def get_readonly_fields(self, request: HttpRequest, obj: VideoModel | None = None) -> tuple[str, ...]:
        """A name stays once it is given."""
        return ("name",) if obj else ()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what the frontend is told of the model, as it is stored."""
        model: VideoModel | None = self.get_object(request, object_id)
        context = {"offer": _as_the_api_says(model) if model else "", **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """And say what came of it; resume the suspended upstreams that were ticked."""
        super().save_related(request, form, formsets, change)
        for row in (row for formset in formsets for row in formset.forms if row not in formset.deleted_forms):
            if row.cleaned_data.get("resume"):  # the row itself is; so shall be those of other public names
                suspension.resume(provider=row.instance.provider, upstream_model=row.instance.upstream_model)
        model = VideoModel.objects.get(pk=form.instance.pk)
        text = f"From now on the frontend offers of {model.name}: {self.told(model)}. Made by {self.made_by(model)}."
        self.message_user(request, text, messages.INFO)

    def has_delete_permission(self, request: HttpRequest, obj: VideoModel | None = None) -> bool:
        """Not the default one, which requests mean that name none."""
        if obj and obj.name == catalogue.DEFAULT_MODEL:
            return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Models are deleted one by one, looking at each."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


def _as_the_api_says(model: VideoModel) -> str:
    if not model.is_offered:
        return ""
    text = json.dumps(VideoModelOutput(catalogue.offer_of(model)).data, indent=2)
    return format_html("<pre class='overflow-x-auto text-sm'>{}</pre>", text)
