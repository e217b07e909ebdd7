"""The catalogue of models, for staff: public names, and who makes their videos."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from studio.admin import BackOfficeAdmin, EditableRows
from videos import catalogue
from videos.models import Upstream, VideoModel
from videos.providers import registry


class UpstreamForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """An upstream whose abilities are spelled in a way that the catalogue understands."""

    provider = forms.ChoiceField(choices=[(name, name) for name in registry.PROVIDERS])

    class Meta:
        model = Upstream
        fields = (
            "position",
            "provider",
            "upstream_model",
            "is_enabled",
            "retires_on",
            "durations",
            "aspect_ratios",
            "makes_audio",
            "takes_last_frame",
            "max_references",
            "reference_durations",
            "mixes_references_and_frames",
            "price_per_second",
        )

    def clean_durations(self) -> dict[str, list[int]]:
        """Resolutions of the contract, each with whole seconds."""
        durations = self.cleaned_data["durations"]
        if not isinstance(durations, dict) or not durations or set(durations) - set(catalogue.RESOLUTIONS):
            raise forms.ValidationError(f'Must look like {{"720p": [4, 8]}}, with {", ".join(catalogue.RESOLUTIONS)}.')
        for seconds in durations.values():
            _check_seconds(seconds)
        return durations

    def clean_reference_durations(self) -> list[int]:
        """Whole seconds."""
        seconds = self.cleaned_data["reference_durations"] or []
        _check_seconds(seconds)
        return list(seconds)

    def clean_aspect_ratios(self) -> list[str]:
        """Ratios of the contract."""
        ratios = self.cleaned_data["aspect_ratios"]
        if not isinstance(ratios, list) or not ratios or not set(map(str, ratios)) <= set(catalogue.ASPECT_RATIOS):
            raise forms.ValidationError(f"Must be a list of {' and '.join(catalogue.ASPECT_RATIOS)}.")
        return ratios


def _check_seconds(value: Any) -> None:
    is_list = isinstance(value, list)
    if not is_list or not all(isinstance(seconds, int) and 0 < seconds <= 60 for seconds in value):
        raise forms.ValidationError("Lengths are lists of whole seconds from 1 to 60.")


class UpstreamInline(EditableRows):
    """The ways to have the model's videos made, the preferred one first."""

    model = Upstream
    form = UpstreamForm


@admin.register(VideoModel)
class VideoModelAdmin(BackOfficeAdmin):
    """The catalogue. An edit counts from the next request on; jobs in flight keep their upstream."""

    list_display = ("name", "title", "is_offered", "made_by")
    list_editable = ("is_offered",)
    inlines = (UpstreamInline,)

    @admin.display(description="Made by")
    def made_by(self, model: VideoModel) -> str:
        """The upstreams that could make a video now."""
        return (
            ", ".join(f"{row.provider}: {row.upstream_model}" for row in catalogue.usable_upstreams(model)) or "nobody"
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[VideoModel]:
        """With the upstreams, in one more statement."""
        return super().get_queryset(request).prefetch_related("upstreams")
