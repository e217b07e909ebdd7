"""The models that this deployment offers: public names that stay, and the upstreams behind them, which come and go."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models
from django.utils import timezone

from studio.errors import InvalidInput, Unavailable
from studio.statements import Given, Statement
from videos.models import Upstream, VideoModel
from videos.orders import Order
from videos.providers import registry

# What the contract lets a client ask for; the first of each is the default.
DEFAULT_MODEL = "veo-3.1-generate-preview"
RESOLUTIONS = ("720p", "1080p")
ASPECT_RATIOS = ("16:9", "9:16")
DURATIONS_SECONDS = (8, 4)
MAX_REFERENCES = 3


@dataclass(frozen=True)
class Route:
    """Who makes a video, and what the model is called there."""

    provider: str
    upstream_model: str


def route(*, order: Order, has_first_frame: bool) -> Route:
    """Who makes this video: the first upstream of the model that can.

    Raises InvalidInput, with the field and its allowed values, for what no upstream makes, and Unavailable when nobody
    makes videos of this model here.
    """
    if _OFFERED.row(name=order.model) is None:
        names = ", ".join(VideoModel.objects.filter(is_offered=True).values_list("name", flat=True))
        raise _refusal("model", f"Must be one of: {names}.")
    if order.mock_mode:
        return Route("mock", order.model)
    usable = usable_upstreams(VideoModel.objects.get(name=order.model))
    if not usable:
        raise Unavailable("No videos are made of this model on this server; use mockMode=true.", code="no_provider")
    for upstream in usable:
        if not any(_objections(upstream, order, has_first_frame)):
            return Route(upstream.provider, upstream.upstream_model)
    raise next(_objections(usable[0], order, has_first_frame))


_OFFERED = Statement(
    lambda: (
        VideoModel.objects.filter(is_offered=True, name=Given("name", models.CharField())).order_by().values_list("pk")
    )
)


@dataclass(frozen=True)
class Offer:
    """What a client may ask of a model here, within the contract."""

    name: str
    title: str
    is_default: bool
    is_available: bool
    durations: dict[str, list[int]]
    aspect_ratios: list[str]
    makes_audio: bool
    takes_last_frame: bool
    max_references: int


def offers() -> list[Offer]:
    """Every model that is offered, in the order of lists; an unavailable one makes mock videos only."""
    models = VideoModel.objects.filter(is_offered=True).order_by("position", "name").prefetch_related("upstreams")
    return [offer_of(model) for model in models]


def offer_of(model: VideoModel) -> Offer:
    """What any of its usable upstreams can do; for a model without one, what the mock can: everything."""
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
    )


def usable_upstreams(model: VideoModel) -> list[Upstream]:
    """The model's upstreams that are switched on, set up here and not retired, the preferred one first."""
    return [upstream for upstream in model.upstreams.all() if not why_unused(upstream)]


def why_unused(upstream: Upstream) -> str:
    """Why no video is made by this upstream at present, in words for staff; "" for one that is used."""
    if not upstream.is_enabled:
        return "switched off"
    if upstream.retires_on and upstream.retires_on <= timezone.now().date():
        return f"retired since {upstream.retires_on}"
    if upstream.provider not in registry.configured():
        return f"not set up on this server: {' or '.join(registry.needs(upstream.provider))} is unset"
    return ""


def _objections(upstream: Upstream, order: Order, has_first_frame: bool) -> Iterator[InvalidInput]:
    """Why the upstream would refuse the order: each names the field and what may be there."""
    lengths = upstream.durations.get(order.resolution)
    if lengths is None:
        yield _refusal("resolution", f"Must be one of: {', '.join(upstream.durations)}.")
    elif order.duration_seconds not in lengths:
        allowed = " or ".join(str(length) for length in lengths)
        yield _refusal("durationSeconds", f"Must be {allowed} with {order.resolution}.")
    if order.aspect_ratio not in upstream.aspect_ratios:
        yield _refusal("aspectRatio", f"Must be one of: {', '.join(upstream.aspect_ratios)}.")
    if order.generate_audio and not upstream.makes_audio:
        yield _refusal("generateAudio", "Must be false with this model.")
    yield from _objections_to_frames(upstream, order, has_first_frame)
    yield from _objections_to_references(upstream, order, has_first_frame)


def _objections_to_frames(upstream: Upstream, order: Order, has_first_frame: bool) -> Iterator[InvalidInput]:
    if order.end_frame and not upstream.takes_last_frame:
        yield _refusal("endFrame", "Must be left out with this model.")
    elif order.end_frame and not has_first_frame:
        yield _refusal("endFrame", "Needs an initialImage, too.")


def _objections_to_references(upstream: Upstream, order: Order, has_first_frame: bool) -> Iterator[InvalidInput]:
    if not order.reference_images:
        return
    most, lengths = upstream.max_references, upstream.reference_durations
    if len(order.reference_images) > most:
        yield _refusal("referenceImages", f"Must be at most {most} with this model.")
    if lengths and order.duration_seconds not in lengths:
        allowed = " or ".join(str(length) for length in lengths)
        yield _refusal("durationSeconds", f"Must be {allowed} with reference images.")
    if (has_first_frame or order.end_frame) and not upstream.mixes_references_and_frames:
        yield _refusal(
            "referenceImages", "Must be left out with a first or last frame; useLookImage=false leaves out the look's."
        )


def _refusal(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors={field: [message]})
