"""The forms of the catalogue: staff write no JSON, and enter only values that the catalogue accepts."""

import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from videos import catalogue
from videos.models import Upstream, VideoModel
from videos.providers import registry

SECONDS_MAX = 60  # of one video; far above the longest of any provider
PROVIDER_LABELS = {
    "google_veo": "Veo on the Gemini API",
    "google_vertex": "Veo on Vertex AI",
    "google_omni": "Omni on the Gemini API",
    "google_omni_vertex": "Omni on Vertex AI",
}
PARTS = re.compile(r"(\d{1,3})(?:\s*-\s*(\d{1,3}))?")


class Seconds(forms.CharField):
    """Lengths of videos, written as `4, 6, 8` or `3-10`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextInputWidget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """A list as text; typed text unchanged."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The whole seconds, sorted, without duplicates. Raises ValidationError."""
        found: set[int] = set()
        for part in filter(None, (part.strip() for part in str(value or "").split(","))):
            match = PARTS.fullmatch(part)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
            if not 0 < first <= last <= SECONDS_MAX:
                raise forms.ValidationError(f"Write whole seconds from 1 to {SECONDS_MAX}, like 4, 6, 8 or 3-10.")
            found.update(range(first, last + 1))
        return sorted(found)


class Price(forms.DecimalField):
    """US dollars a second."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            min_value=0,
            max_digits=8,
            decimal_places=4,
            widget=UnfoldAdminTextInputWidget,
            help_text="US dollars a second; for the operator's figures only.",
            **kwargs,
        )


class ModelForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """A model under its public name."""

    name = forms.CharField(
        max_length=100,
        validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Use letters, digits, dots and hyphens only.")],
        widget=UnfoldAdminTextInputWidget,
        help_text="What clients send as `model`. It cannot be changed later: programs and old jobs refer to it.",
    )
    only_mock = forms.BooleanField(
        label="Only mock videos",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Tick it to confirm that no upstream will generate real videos of this model.",
    )

    class Meta:
        model = VideoModel
        fields = ("name", "title", "position", "is_offered")
        help_texts = {
            "title": "The name that users see.",
            "position": "Its place in the frontend's list: the smallest number comes first.",
            "is_offered": "Off: the frontend does not list it, and a job that requests it is refused.",
        }

    def clean_is_offered(self) -> bool:
        """The default model is always offered: requests without a model use it."""
        is_offered = bool(self.cleaned_data["is_offered"])
        if self.instance.name == catalogue.DEFAULT_MODEL and not is_offered:
            raise forms.ValidationError(
                "This is the default model: requests without a model use it, and would be refused. To use another "
                "provider, change its upstreams, below."
            )
        return is_offered


class UpstreamForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """One upstream of a model."""

    provider = forms.ChoiceField(
        # not the mock: mock videos need no upstream
        choices=[(name, PROVIDER_LABELS.get(name, name)) for name in registry.PROVIDERS if name != "mock"],
        widget=UnfoldAdminSelectWidget,
    )
    seconds_720p = Seconds(label="Lengths in 720p", help_text="Seconds, like 4, 6, 8 or 3-10. Empty: no 720p.")
    seconds_1080p = Seconds(label="Lengths in 1080p", help_text="The same. Empty: no 1080p.")
    aspect_ratios = forms.MultipleChoiceField(
        choices=[(ratio, ratio) for ratio in catalogue.ASPECT_RATIOS], widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    reference_durations = Seconds(
        label="Lengths with reference images", help_text="Seconds. Empty: the same as without them."
    )

    last_frame_durations = Seconds(
        label="Lengths with a last frame", help_text="Seconds. Empty: the same as without one."
    )
    price_720p = Price(label="Price in 720p")
    price_1080p = Price(label="Price in 1080p")
    resume = forms.BooleanField(
        label="Use it again",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="For an upstream that was suspended after consecutive refusals: tick it to use it again at once.",
    )

    class Meta:
        model = Upstream
        fields = (
            "position",
            "provider",
            "upstream_model",
            "is_enabled",
            "retires_on",
            "seconds_720p",
            "seconds_1080p",
            "aspect_ratios",
            "makes_audio",
            "takes_last_frame",
            "max_references",
            "reference_durations",
            "last_frame_durations",
            "mixes_references_and_frames",
            "price_720p",
            "price_1080p",
            "successor",
            "note",
            "resume",
        )
        help_texts = {
            "position": "The smallest number comes first; the first one that can generate a video does so.",
            "upstream_model": "The provider's exact name of the model.",
            "makes_audio": "Off: a job with sound is passed to the next one.",
            "max_references": f"Reference images that it accepts; the API allows {catalogue.MAX_REFERENCES}.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for resolution in catalogue.RESOLUTIONS:
            self.fields[f"seconds_{resolution}"].initial = self.instance.durations.get(resolution, [])
            self.fields[f"price_{resolution}"].initial = self.instance.prices.get(resolution)
        self.fields["resume"].disabled = not self.instance.suspended_at

    def clean(self) -> dict[str, Any]:
        """Combine lengths and prices."""
        form: dict[str, Any] = super().clean() or {}
        lengths = {resolution: form.get(f"seconds_{resolution}") for resolution in catalogue.RESOLUTIONS}
        self.instance.durations = {resolution: seconds for resolution, seconds in lengths.items() if seconds}
        self._take_over_suspension(form)
        prices = {resolution: form.get(f"price_{resolution}") for resolution in catalogue.RESOLUTIONS}
        self.instance.prices = {resolution: f"{price:f}" for resolution, price in prices.items() if price}
        if not self.instance.durations and not self.errors:
            self.add_error("seconds_720p", "Give the lengths of its videos, in one resolution at least.")
        return form

    def _take_over_suspension(self, form: dict[str, Any]) -> None:
        """Copy the suspension of the upstream that the row names now, unless it is resumed."""
        if form.get("resume"):
            self.instance.refusals, self.instance.suspended_at, self.instance.suspended_because = 0, None, ""
        elif {"provider", "upstream_model"} & set(self.changed_data):
            named = Upstream.objects.filter(provider=form.get("provider"), upstream_model=form.get("upstream_model"))
            twin = named.exclude(pk=self.instance.pk).first() or Upstream()
            for name in ("refusals", "suspended_at", "suspended_because"):
                setattr(self.instance, name, getattr(twin, name))


class UpstreamRows(forms.BaseInlineFormSet):  # type: ignore[type-arg]  # Django's class takes none when it runs
    """The edited upstreams of a model."""

    def clean(self) -> None:
        """Require confirmation before the last usable upstream is removed. Raises ValidationError."""
        super().clean()
        is_new, is_meant = self.instance._state.adding, bool(self.data.get("only_mock"))
        if any(self.errors) or is_new or is_meant or not self.instance.is_offered:
            return
        kept = [form.instance for form in self.forms if form not in self.deleted_forms]
        if catalogue.usable_upstreams(VideoModel(pk=self.instance.pk)) and all(map(catalogue.why_unused, kept)):
            raise forms.ValidationError(
                f"No upstream would be left to generate real videos of “{self.instance.title}”: jobs without mockMode "
                "would be refused. Tick “Only mock videos”, above, to confirm."
            )
