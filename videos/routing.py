"""Which upstream makes a video: the first of the model that can, and the next one when it no longer has the model."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models

from studio.db.statements import Param, Statement
from studio.errors import InvalidInput, Unavailable, must_be_one_of
from videos.catalogue import usable_upstreams
from videos.job_requests import VideoJobRequest
from videos.models import JobInput, Upstream, VideoJob, VideoModel
from videos.providers import registry


@dataclass(frozen=True)
class Route:
    """Who makes a video, and what the model is called there."""

    provider: str
    upstream_model: str


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What an upstream must be able to do."""

    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    has_first_frame: bool
    has_last_frame: bool
    references: int


def route(*, job_request: VideoJobRequest, has_first_frame: bool) -> Route:
    """Who makes this video: the first upstream of the model that can.

    Raises InvalidInput, with the field and its allowed values, for what no upstream makes, and Unavailable when nobody
    makes videos of this model here.
    """
    if _OFFERED.row(name=job_request.model) is None:
        names = VideoModel.objects.filter(is_offered=True).values_list("name", flat=True)
        raise _refusal("model", *must_be_one_of(names, job_request.model))
    if job_request.mock_mode:
        return Route("mock", job_request.model)
    usable = usable_upstreams(VideoModel.objects.get(name=job_request.model))
    if not usable:
        raise Unavailable("No videos are made of this model on this server; use mockMode=true.", code="no_provider")
    demand = Demand(
        resolution=job_request.resolution,
        aspect_ratio=job_request.aspect_ratio,
        duration_seconds=job_request.duration_seconds,
        generate_audio=job_request.generate_audio,
        has_first_frame=has_first_frame,
        has_last_frame=bool(job_request.end_frame),
        references=len(job_request.reference_images),
    )
    able = next(_able(usable, demand), None)
    if able is None:
        raise next(_objections(usable[0], demand))
    return able


_OFFERED = Statement(
    lambda: (
        VideoModel.objects.filter(is_offered=True, name=Param("name", models.CharField())).order_by().values_list("pk")
    )
)


def next_route(*, job: VideoJob, refused_by: list[list[str]]) -> Route | None:
    """Who else can make the video of this job: the first usable upstream of its model that has not refused it.

    `refused_by` names providers, their models and why. Where a provider did not let us in, all that are entered with
    the same settings are left out. None where there is nobody.
    """
    model = VideoModel.objects.filter(name=job.model).first()  # staff may have deleted it since
    if model is None:
        return None
    asked = {(provider, upstream_model) for provider, upstream_model, _ in refused_by}
    closed = {registry.needs(provider) for provider, _, code in refused_by if code == "provider_misconfigured"}
    others = [
        upstream
        for upstream in usable_upstreams(model)
        if (upstream.provider, upstream.upstream_model) not in asked and registry.needs(upstream.provider) not in closed
    ]
    return next(_able(others, _demand_of(job)), None)


def _demand_of(job: VideoJob) -> Demand:
    roles = list(job.inputs.values_list("role", flat=True))
    return Demand(
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        has_first_frame=JobInput.Role.FIRST_FRAME in roles,
        has_last_frame=JobInput.Role.LAST_FRAME in roles,
        references=roles.count(JobInput.Role.REFERENCE),
    )


def _able(upstreams: list[Upstream], demand: Demand) -> Iterator[Route]:
    for upstream in upstreams:
        if not any(_objections(upstream, demand)):
            yield Route(upstream.provider, upstream.upstream_model)


def _objections(upstream: Upstream, demand: Demand) -> Iterator[InvalidInput]:
    """Why the upstream would refuse: each names the field and what may be there."""
    lengths = upstream.durations.get(demand.resolution)
    if lengths is None:
        yield _refusal("resolution", f"Must be one of: {', '.join(upstream.durations)}.")
    else:
        yield from _objections_to_length(demand, lengths, f"with {demand.resolution}")
    if demand.aspect_ratio not in upstream.aspect_ratios:
        yield _refusal("aspectRatio", f"Must be one of: {', '.join(upstream.aspect_ratios)}.")
    if demand.generate_audio and not upstream.makes_audio:
        yield _refusal("generateAudio", "Must be false with this model.")
    if demand.has_last_frame:
        yield from _objections_to_last_frame(upstream, demand)
    if demand.references:
        yield from _objections_to_references(upstream, demand)


def _objections_to_length(demand: Demand, lengths: list[int], condition: str) -> Iterator[InvalidInput]:
    if demand.duration_seconds not in lengths:
        yield _refusal("durationSeconds", f"Must be {' or '.join(map(str, lengths))} {condition}.")


def _objections_to_last_frame(upstream: Upstream, demand: Demand) -> Iterator[InvalidInput]:
    if not upstream.takes_last_frame:
        yield _refusal("endFrame", "Must be left out with this model.")
    elif not demand.has_first_frame:
        yield _refusal("endFrame", "Needs an initialImage, too.")
    elif lengths := upstream.last_frame_durations:
        yield from _objections_to_length(demand, lengths, "with a last frame")


def _objections_to_references(upstream: Upstream, demand: Demand) -> Iterator[InvalidInput]:
    if demand.references > upstream.max_references:
        yield _refusal("referenceImages", f"Must be at most {upstream.max_references} with this model.")
    if lengths := upstream.reference_durations:
        yield from _objections_to_length(demand, lengths, "with reference images")
    if demand.has_last_frame:  # no provider takes both
        yield _refusal("referenceImages", "Must be left out with a last frame.")
    elif demand.has_first_frame and not upstream.mixes_references_and_frames:
        yield _refusal(
            "referenceImages", "Must be left out with a first frame; useLookImage=false leaves out the look's."
        )


def _refusal(field: str, *messages: str) -> InvalidInput:
    return InvalidInput(errors={field: messages})
