"""The models that this deployment offers: stable public names, and the changing upstreams behind them."""

from dataclasses import dataclass

from django.utils import timezone

from videos.models import Upstream, VideoModel
from videos.providers import registry

# the values that a client may request; the first of each is the default
DEFAULT_MODEL = "veo-3.1-generate-preview"
RESOLUTIONS = ("720p", "1080p")
ASPECT_RATIOS = ("16:9", "9:16")
DURATIONS_SECONDS = (8, 4)
MAX_REFERENCES = 3


@dataclass(frozen=True)
class Offer:
    """What a client may request of a model in this deployment."""

    name: str
    title: str
    is_default: bool
    is_available: bool
    durations: dict[str, list[int]]
    aspect_ratios: list[str]
    makes_audio: bool
    takes_last_frame: bool
    max_references: int
    mixes_references_and_first_frame: bool
    last_frame_durations: list[int]
    reference_durations: list[int]


def offers() -> list[Offer]:
    """Every offered model in the order of lists; an unavailable one generates mock videos only."""
    models = VideoModel.objects.filter(is_offered=True).order_by("position", "name").prefetch_related("upstreams")
    return [offer_of(model) for model in models]


def offer_of(model: VideoModel) -> Offer:
    """The union of what the model's usable upstreams can do; everything, as the mock can, if it has none."""
    usable = usable_upstreams(model)
    lengths = {
        resolution: [
            seconds
            for seconds in DURATIONS_SECONDS
            if not usable or any(seconds in upstream.durations.get(resolution, []) for upstream in usable)
        ]
        for resolution in RESOLUTIONS
    }
    ratios = [ratio for ratio in ASPECT_RATIOS if not usable or any(ratio in up.aspect_ratios for up in usable)]
    return Offer(
        name=model.name,
        title=model.title,
        is_default=model.name == DEFAULT_MODEL,
        is_available=bool(usable),
        durations={resolution: seconds for resolution, seconds in lengths.items() if seconds},
        aspect_ratios=ratios,
        makes_audio=not usable or any(upstream.makes_audio for upstream in usable),
        takes_last_frame=not usable or any(upstream.takes_last_frame for upstream in usable),
        max_references=max((upstream.max_references for upstream in usable), default=MAX_REFERENCES),
        mixes_references_and_first_frame=not usable or any(up.mixes_references_and_frames for up in usable),
        last_frame_durations=_lengths(
            usable, [upstream.last_frame_durations for upstream in usable if upstream.takes_last_frame]
        ),
        reference_durations=_lengths(
            usable, [upstream.reference_durations for upstream in usable if upstream.max_references]
        ),
    )


def _lengths(usable: list[Upstream], limits: list[list[int]]) -> list[int]:
    """The lengths that one of these limits permits; an empty limit permits all of them."""
    return [
        seconds for seconds in DURATIONS_SECONDS if not usable or any(not limit or seconds in limit for limit in limits)
    ]


def usable_upstreams(model: VideoModel) -> list[Upstream]:
    """The model's upstreams in use, the preferred one first (see `why_unused`)."""
    return [upstream for upstream in model.upstreams.all() if not why_unused(upstream)]


def is_retired(upstream: Upstream) -> bool:
    """Whether the upstream's last day has come."""
    return bool(upstream.retires_on and upstream.retires_on <= timezone.now().date())


def why_unused(upstream: Upstream) -> str:
    """Why this upstream is not used now, in words for staff; "" for one in use."""
    if not upstream.is_enabled:
        return "switched off"
    if is_retired(upstream):
        return f"retired since {upstream.retires_on}"
    if upstream.suspended_at:
        return (
            f"suspended by the system since {upstream.suspended_at:%Y-%m-%d %H:%M:%S} UTC: {upstream.suspended_because}"
        )
    if upstream.provider not in registry.configured():
        return f"not configured on this server: {' or '.join(registry.needs(upstream.provider))} is unset"
    return ""
