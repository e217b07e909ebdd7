"""Selects the upstream of a video: the first of the model that can generate it, and the next one after a refusal."""

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
    """A provider, and its name of the model."""

    provider: str
    upstream_model: str


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What a video needs from its upstream."""

    resolution: str
    aspect_ratio: str
    duration_seconds: int
    generate_audio: bool
    has_first_frame: bool
    has_last_frame: bool
    references: int


def route(*, job_request: VideoJobRequest, has_first_frame: bool) -> Route:
    """The first upstream of the model that can generate this video.

    Raises InvalidInput, with the field and its allowed values, if no upstream can, and Unavailable if no provider is
    configured for the model.
    """
    if _OFFERED.row(name=job_request.model) is None:
        names = VideoModel.objects.filter(is_offered=True).values_list("name", flat=True)
        raise _refusal("model", *must_be_one_of(names, job_request.model))
    if job_request.mock_mode:
        return Route("mock", job_request.model)
    usable = usable_upstreams(VideoModel.objects.get(name=job_request.model))
    if not usable:
        raise Unavailable("No provider is configured for this model; use mockMode=true.", code="no_provider")
    needs = Requirements(
        resolution=job_request.resolution,
        aspect_ratio=job_request.aspect_ratio,
        duration_seconds=job_request.duration_seconds,
        generate_audio=job_request.generate_audio,
        has_first_frame=has_first_frame,
        has_last_frame=bool(job_request.end_frame),
        references=len(job_request.reference_images),
    )
    capable = next(_capable(usable, needs), None)
    if capable is None:
        raise next(_objections(usable[0], needs))
    return capable


_OFFERED = Statement(
    lambda: (
        VideoModel.objects.filter(is_offered=True, name=Param("name", models.CharField())).order_by().values_list("pk")
    )
)


def next_route(*, job: VideoJob, refused_by: list[list[str]]) -> Route | None:
    """The first usable upstream of the job's model that can generate its video and has not refused it, or None.

    `refused_by` has the provider, its model and the error code of each refusal. After a provider rejects our
    credentials, all providers with the same settings are skipped.
    """
    model = VideoModel.objects.filter(name=job.model).first()  # staff may have deleted it since
    if model is None:
        return None
    tried = {(provider, upstream_model) for provider, upstream_model, _ in refused_by}
    closed = {registry.needs(provider) for provider, _, code in refused_by if code == "provider_misconfigured"}
    others = [
        upstream
        for upstream in usable_upstreams(model)
        if (upstream.provider, upstream.upstream_model) not in tried and registry.needs(upstream.provider) not in closed
    ]
    return next(_capable(others, _requirements_of(job)), None)


def _requirements_of(job: VideoJob) -> Requirements:
    roles = list(job.inputs.values_list("role", flat=True))
    return Requirements(
        resolution=job.resolution,
        aspect_ratio=job.aspect_ratio,
        duration_seconds=job.duration_seconds,
        generate_audio=job.generate_audio,
        has_first_frame=JobInput.Role.FIRST_FRAME in roles,
        has_last_frame=JobInput.Role.LAST_FRAME in roles,
        references=roles.count(JobInput.Role.REFERENCE),
    )


def _capable(upstreams: list[Upstream], needs: Requirements) -> Iterator[Route]:
    for upstream in upstreams:
        if not any(_objections(upstream, needs)):
            yield Route(upstream.provider, upstream.upstream_model)


def _objections(upstream: Upstream, needs: Requirements) -> Iterator[InvalidInput]:
    """The reasons why the upstream would refuse, each with the field and its allowed values."""
    lengths = upstream.durations.get(needs.resolution)
    if lengths is None:
        yield _refusal("resolution", f"Must be one of: {', '.join(upstream.durations)}.")
    else:
        yield from _objections_to_length(needs, lengths, f"with {needs.resolution}")
    if needs.aspect_ratio not in upstream.aspect_ratios:
        yield _refusal("aspectRatio", f"Must be one of: {', '.join(upstream.aspect_ratios)}.")
    if needs.generate_audio and not upstream.makes_audio:
        yield _refusal("generateAudio", "Must be false with this model.")
    if needs.has_last_frame:
        yield from _objections_to_last_frame(upstream, needs)
    if needs.references:
        yield from _objections_to_references(upstream, needs)


def _objections_to_length(needs: Requirements, lengths: list[int], condition: str) -> Iterator[InvalidInput]:
    if needs.duration_seconds not in lengths:
        yield _refusal("durationSeconds", f"Must be {' or '.join(map(str, lengths))} {condition}.")


def _objections_to_last_frame(upstream: Upstream, needs: Requirements) -> Iterator[InvalidInput]:
    if not upstream.takes_last_frame:
        yield _refusal("endFrame", "Must be left out with this model.")
    elif not needs.has_first_frame:
        yield _refusal("endFrame", "Needs an initialImage, too.")
    elif lengths := upstream.last_frame_durations:
        yield from _objections_to_length(needs, lengths, "with a last frame")


def _objections_to_references(upstream: Upstream, needs: Requirements) -> Iterator[InvalidInput]:
    if needs.references > upstream.max_references:
        yield _refusal("referenceImages", f"Must be at most {upstream.max_references} with this model.")
    if lengths := upstream.reference_durations:
        yield from _objections_to_length(needs, lengths, "with reference images")
    if needs.has_last_frame:  # no provider takes both
        yield _refusal("referenceImages", "Must be left out with a last frame.")
    elif needs.has_first_frame and not upstream.mixes_references_and_frames:
        yield _refusal(
            "referenceImages", "Must be left out with a first frame; useLookImage=false leaves out the look's."
        )


def _refusal(field: str, *messages: str) -> InvalidInput:
    return InvalidInput(errors={field: messages})
