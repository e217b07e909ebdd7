"""The endpoints of video jobs."""

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Owned
from accounts.sign_in.identity import caller
from looks import defaults
from studio.api.idempotency import idempotency_key
from studio.api.input_serializers import require_no_fields
from studio.api.paging import SkipLimitPagination, envelope
from studio.api.schema import MULTIPART, InsufficientTokensResponse, error, id_in_path, response_header
from studio.api.views import as_uuid
from studio.errors import Conflict, InvalidInput, NotAllowed, Unavailable
from studio.http import serving
from studio.media.storage.base import attachment_url
from videos import creation, deletion
from videos.api import representation
from videos.api.cancel_and_retry import CancelAndRetry
from videos.api.input_serializers import DetailQuery, DownloadQuery, ListQuery, VideoJobForm
from videos.api.job_view import IDEMPOTENCY_KEY, JOB_ID, LOCATION, accepted
from videos.api.listing import Filters
from videos.api.serializers import DefaultVideo, VideoJobDetail, VideoJobOutput
from videos.job_requests import VideoJobRequest
from videos.models import VideoJob
from videos.phases import Phase

UNFILTERED = {"skip", "limit"}  # the only parameters of a list that is not filtered

LOOK_ID = id_in_path("look_id", "The id of the look.")
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The `ETag` of an earlier response.",
)
DETAIL_HEADERS = [
    response_header("ETag", "Changes if and only if the body does.", of=[200, 304]),
    response_header(
        "Retry-After",
        "When an unfinished job is likely to have changed, in seconds.",
        of=[200, 304],
        schema=OpenApiTypes.INT,
    ),
]
DOWNLOAD_HEADERS = [
    response_header("ETag", "Identifies the file, for `If-None-Match` and `If-Range`.", of=[200, 304]),
    response_header("Content-Disposition", "A file name from the prompt.", of=[200]),
    response_header("Accept-Ranges", "`bytes`: the file can be fetched in parts.", of=[200]),
    response_header("Location", "The storage's own URL of the file.", of=[302], schema=OpenApiTypes.URI),
]


@extend_schema(tags=["Video jobs"])
@extend_schema_view(
    list=extend_schema(
        operation_id="listVideoJobs",
        summary="List video jobs",
        parameters=[ListQuery],
        responses={200: OpenApiResponse(VideoJobOutput(many=True), description="A page of video jobs.")},
    ),
    retrieve=extend_schema(
        operation_id="getVideoJob",
        summary="Get a video job",
        description=(
            "One job with its log. Poll it until `status` is `SUCCEEDED` or `FAILED`, after as many seconds as "
            "`Retry-After` says. With `If-None-Match` the response is 304 while nothing has changed."
        ),
        parameters=[JOB_ID, DetailQuery, IF_NONE_MATCH, *DETAIL_HEADERS],
        responses={
            200: OpenApiResponse(VideoJobDetail, description="The job."),
            304: OpenApiResponse(description="The client has the job as it is: `If-None-Match` names its ETag."),
        },
    ),
    destroy=extend_schema(
        operation_id="deleteVideoJob",
        summary="Delete a video job",
        description="Delete a job of any status, and its video. An unfinished job stops, and its slot is free at once.",
        parameters=[JOB_ID],
        responses={204: OpenApiResponse(description="Deleted.")},
    ),
)
class VideoJobViewSet(CancelAndRetry):
    """Video jobs: create, list, poll, download, cancel, retry and delete them, and choose a look's default."""

    @extend_schema(
        operation_id="createVideoJob",
        summary="Create a video job",
        description=(
            "Charge 50 tokens, and queue the video. A prompt, an initial image, or a look with an image is needed. "
            "Poll the job that is returned."
        ),
        request={MULTIPART: VideoJobForm},
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("look_id", OpenApiTypes.UUID, description="The same as the field `lookId`. Send one."),
            LOCATION,
        ],
        responses={
            202: OpenApiResponse(VideoJobDetail, description="The job is accepted and queued."),
            402: OpenApiResponse(InsufficientTokensResponse, description="The balance is lower than the price."),
            409: error("The Idempotency-Key belongs to a different request, or its job was deleted."),
            429: error("You have 3 unfinished jobs, or have sent too many requests."),
            503: error("No provider is configured for this model, or too many uploads are in progress."),
        },
    )
    def create(self, request: Request) -> Response:
        """Charge 50 tokens, and queue the video."""
        form = VideoJobForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        job_request = VideoJobRequest(**_tuples(form.validated_data))
        key = idempotency_key(request)
        return accepted(creation.create(owner=caller(request), job_request=job_request, idempotency_key=key), request)

    def list(self, request: Request) -> Response:
        """The caller's own jobs, newest first."""
        skip, limit = SkipLimitPagination.window(request)
        filters, before = self._filters(request)
        if before and skip:
            raise InvalidInput(errors={"skip": ["Must be left out, or 0, with `before`."]})
        items, total = representation.page(filters=filters, skip=skip, limit=limit, before=before, request=request)
        return Response(envelope(items, total=total, skip=skip, limit=limit))

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """One job with its log; 304 if the client has it as it is."""
        if request.META["QUERY_STRING"]:
            DetailQuery(data=request.query_params).is_valid(raise_exception=True)
        job = representation.detail(job_id=as_uuid(pk), request=request)
        self.check_object_permissions(request, Owned(job.owner_id))
        tag = f'"{job.tag}"'
        headers = {"ETag": f"W/{tag}"}  # weak: the same for every Content-Encoding
        if job.retry_after_seconds is not None:
            headers["Retry-After"] = str(job.retry_after_seconds)
        if serving.client_has(request, tag):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return HttpResponse(job.text, content_type="application/json", headers=headers)  # not encoded a second time

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the job, whatever its status; its slot is free at once."""
        job, user = self.get_object(), caller(request)
        if job.owner_id == user.pk:
            deletion.delete(job_id=job.pk)
        else:
            deletion.delete_by_staff(job_id=job.pk, actor=user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="downloadVideo",
        summary="Download the video",
        # No 206 of its own: with two responses of success, clients made by orval 7 read the file as text.
        description=(
            "The MP4 file of a job that has SUCCEEDED. With `Range`, the response is 206 with that part of the file, "
            "and `Content-Range` says which."
        ),
        parameters=[
            JOB_ID,
            DownloadQuery,
            OpenApiParameter(
                "Range",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The part to return, such as `bytes=0-1023`.",
            ),
            *DOWNLOAD_HEADERS,
        ],
        responses={
            (200, "video/mp4"): OpenApiResponse(OpenApiTypes.BINARY, description="The file."),
            302: OpenApiResponse(description="With `redirect=true`."),
            304: OpenApiResponse(description="The client has the file: `If-None-Match` names its ETag."),
            409: error("The video is not ready; `detail` has the job's status."),
            416: error("The range lies outside the file."),
            503: error("The storage cannot be read, or too many downloads are in progress."),
        },
    )
    @action(detail=True)
    def download(self, request: Request, pk: str) -> HttpResponseBase:
        """The file itself, whole or in part."""
        query = DownloadQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        job = self.get_object()
        if job.phase != Phase.SUCCEEDED:
            raise Conflict(f"The video is not ready; its status is {job.status}.", code="not_ready")
        if query.validated_data["redirect"]:
            storage, name = job.video.storage, str(job.video.name)
            url = attachment_url(storage=storage, name=name, file_name=_file_name(job))
            return HttpResponseRedirect(request.build_absolute_uri(url))
        try:
            response = serving.stored(
                request,
                storage=job.video.storage,
                name=str(job.video.name),
                content_type="video/mp4",
                etag=job.video_sha256 or str(job.pk),  # imported videos have no digest
            )
        except OSError as exc:
            raise Unavailable("The stored video cannot be read at the moment.", code="storage_unreadable") from exc
        response["Content-Disposition"] = f'attachment; filename="{_file_name(job)}"'
        return response

    @extend_schema(
        operation_id="setDefaultVideo",
        summary="Set a video as the look's default",
        description="It replaces the look's former default. A video of any status may be the default.",
        parameters=[JOB_ID, LOOK_ID],
        request=None,
        responses={200: OpenApiResponse(DefaultVideo, description="The video is the look's default.")},
    )
    @action(detail=True, methods=["patch"], url_path="set-default-for-look/<str:look_id>")
    def set_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """Replace the look's former default; a video of any status may be the default."""
        return self._change_default(defaults.set_default, "Video set as default successfully", is_default=True)

    @extend_schema(
        operation_id="unsetDefaultVideo",
        summary="Unset the look's default video",
        description="The look has no default video afterwards.",
        parameters=[JOB_ID, LOOK_ID],
        request=None,
        responses={200: OpenApiResponse(DefaultVideo, description="The video is not the look's default.")},
    )
    @action(detail=True, methods=["patch"], url_path="unset-default-for-look/<str:look_id>")
    def unset_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """Leave the look without a default."""
        return self._change_default(defaults.unset_default, "Video unset as default successfully", is_default=False)

    def _change_default(self, change: Callable[..., None], message: str, *, is_default: bool) -> Response:
        require_no_fields(self.request)
        ids = {"video_id": as_uuid(self.kwargs["pk"]), "look_id": as_uuid(self.kwargs["look_id"])}
        try:
            change(**ids, user=caller(self.request))
        except defaults.NotLinked:
            for owned in representation.owners_of(**ids):  # 404 where there is no such video
                self.check_object_permissions(self.request, owned)
            raise
        body = {"message": message, "videoId": ids["video_id"], "lookId": ids["look_id"], "isDefault": is_default}
        return Response(body)

    def _filters(self, request: Request) -> tuple[Filters, uuid.UUID | None]:
        """The filters, and the job that the page follows. Raises ValidationError and NotAllowed."""
        user, filters = caller(request), dict[str, Any]()
        if request.query_params.keys() - UNFILTERED:
            query = ListQuery(data=request.query_params)
            query.is_valid(raise_exception=True)
            filters = _tuples(query.validated_data)
        before = filters.pop("before", None)
        if filters.pop("all", False):
            if not user.is_staff:
                raise NotAllowed("Only an admin may list other users' video jobs.")
            return Filters(**filters), before
        if not filters:
            account = getattr(user, "token_account", None)  # accounts made by other tools may lack one
            filters["total"] = account and account.video_job_count
        return Filters(owner_id=user.pk, **filters), before


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _file_name(job: VideoJob) -> str:
    """Name the file after the prompt, in ASCII so that every browser understands it."""
    return f"{slugify(job.prompt)[:50].strip('-') or 'video'}-{job.short_id}.mp4"
