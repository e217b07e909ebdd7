"""The endpoints of video jobs."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, HttpResponseRedirect
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.sign_in.identity import caller
from looks import use_cases
from studio.api.input_serializers import require_no_fields
from studio.api.paging import SkipLimitPagination, envelope
from studio.api.row_serializers import site_of
from studio.api.schema import MULTIPART, InsufficientTokensAnswer, error, id_in_path, response_header
from studio.api.views import ApiView, IsOwnerOrAdmin, as_uuid, require_owner
from studio.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from studio.http import bodies, serving
from studio.media.storage.base import attachment_url
from videos import catalogue, creation, deletion
from videos.api import representation
from videos.api.input_serializers import DownloadQuery, ListQuery, VideoJobForm
from videos.api.listing import Wanted
from videos.api.serializers import DefaultAnswer, VideoJobDetail, VideoJobOutput, VideoModelOutput
from videos.job_requests import VideoJobRequest
from videos.models import VideoJob
from videos.phases import Phase

IDEMPOTENCY_KEY_MAX = 255  # characters
UNFILTERED = {"skip", "limit"}  # a query string of the list without any filter has no other names


JOB_ID = id_in_path("id", "The id of the video job.")
LOOK_ID = id_in_path("look_id", "The id of the look.")
DOWNLOAD_HEADERS = [
    response_header("ETag", "Identifies the file, for `If-None-Match` and `If-Range`.", of=[200, 304]),
    response_header("Content-Disposition", "A file name made of the prompt.", of=[200]),
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
        description="One job with its log. Poll it every 5 seconds until `status` is `SUCCEEDED` or `FAILED`.",
        parameters=[JOB_ID],
        responses={200: OpenApiResponse(VideoJobDetail, description="The job.")},
    ),
    destroy=extend_schema(
        operation_id="deleteVideoJob",
        summary="Delete a video job",
        description="Delete a job of any status, and its video. An unfinished job stops, and its slot is free at once.",
        parameters=[JOB_ID],
        responses={204: OpenApiResponse(description="Deleted.")},
    ),
)
class VideoJobViewSet(ApiView, viewsets.GenericViewSet[VideoJob]):
    """Videos that were asked for: create, watch, list, fetch, delete."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
    body_limits = bodies.FOR_FILES
    serializer_class = VideoJobOutput
    queryset = VideoJob.objects.all()
    lookup_value_regex = "[^/]+"

    def get_object(self) -> VideoJob:
        """The job in the path: unknown is 404, somebody else's 403."""
        job = self._found()
        self.check_object_permissions(self.request, job)
        return job

    def _found(self) -> VideoJob:
        job = self.get_queryset().filter(pk=as_uuid(self.kwargs["pk"])).first()
        if job is None:
            raise NotFound("There is no such video job.")
        return job

    @extend_schema(
        operation_id="createVideoJob",
        summary="Create a video job",
        description=(
            "Charge 50 tokens, and queue the video. A prompt, an initial image, or a look with an image is needed. "
            "Poll the job that is returned."
        ),
        request={MULTIPART: VideoJobForm},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description=(
                    "Makes a retry safe: the same key and the same request within 24 hours return the first job again, "
                    f"and charge nothing. At most {IDEMPOTENCY_KEY_MAX} printable characters."
                ),
            ),
            OpenApiParameter("look_id", OpenApiTypes.UUID, description="The same as the field `lookId`. Send one."),
            response_header("Location", "The URL of the job, to poll.", of=[202], schema=OpenApiTypes.URI),
        ],
        responses={
            202: OpenApiResponse(VideoJobDetail, description="The job is accepted and queued."),
            402: OpenApiResponse(InsufficientTokensAnswer, description="The balance is lower than the price."),
            409: error("The Idempotency-Key belongs to a different request, or its job was deleted."),
            429: error("You have 3 unfinished jobs, or have sent too many requests."),
            503: error("No provider is configured for this model, or too many uploads are in progress."),
        },
    )
    def create(self, request: Request) -> Response:
        """Charge 50 tokens, and queue the video."""
        form = VideoJobForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        order = VideoJobRequest(**_tuples(form.validated_data))
        job = creation.create(owner=caller(request), order=order, idempotency_key=_idempotency_key(request))
        row = representation.JOB.row_from(job)
        body = representation.show_detail(job_id=job.pk, row=row, site=site_of(request))
        location = reverse("video-job-detail", args=[job.pk], request=request)
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})

    def list(self, request: Request) -> Response:
        """The caller's own jobs, newest first."""
        skip, limit = SkipLimitPagination.window(request)
        items, total = representation.show_page(
            wanted=self._wanted(request), skip=skip, limit=limit, site=site_of(request)
        )
        return Response(envelope(items, total=total, skip=skip, limit=limit))

    def retrieve(self, request: Request, pk: str) -> Response:
        """One job, with its story."""
        job_id = as_uuid(pk)
        owner_id, row = representation.found(job_id=job_id)
        require_owner(request, owner_id)
        return Response(representation.show_detail(job_id=job_id, row=row, site=site_of(request)))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete it, whatever its status; its slot is free at once."""
        job, person = self.get_object(), caller(request)
        if job.owner_id == person.pk:
            deletion.delete(job_id=job.pk)
        else:
            deletion.delete_by_staff(job_id=job.pk, actor=person)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="downloadVideo",
        summary="Download the video",
        # without a 206 of its own: orval reads a file as text where a second response has one, too
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
            answer = serving.stored(
                request,
                storage=job.video.storage,
                name=str(job.video.name),
                content_type="video/mp4",
                etag=job.video_sha256 or str(job.pk),  # one from another system has no digest
            )
        except OSError as exc:
            raise Unavailable("The stored video cannot be read at the moment.", code="storage_unreadable") from exc
        answer["Content-Disposition"] = f'attachment; filename="{_file_name(job)}"'
        return answer

    @extend_schema(
        operation_id="setDefaultVideo",
        summary="Set a video as the look's default",
        description="It replaces the look's former default. A video of any status may be the default.",
        parameters=[JOB_ID, LOOK_ID],
        request=None,
        responses={200: OpenApiResponse(DefaultAnswer, description="The video is the look's default.")},
    )
    def set_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """The look's former default gives way; a video of any status may be the default."""
        require_no_fields(request)
        video, look = as_uuid(pk), as_uuid(look_id)
        if not use_cases.set_own_default(owner_id=caller(request).pk, look_id=look, video_id=video):
            self._require_both(video, look)
            use_cases.set_default(look_id=look, video_id=video)
        return self._default_answer("Video set as default successfully", video, look, is_default=True)

    @extend_schema(
        operation_id="unsetDefaultVideo",
        summary="Unset the look's default video",
        description="The look has no default video afterwards.",
        parameters=[JOB_ID, LOOK_ID],
        request=None,
        responses={200: OpenApiResponse(DefaultAnswer, description="The video is not the look's default.")},
    )
    def unset_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """The look has no default then."""
        require_no_fields(request)
        video, look = as_uuid(pk), as_uuid(look_id)
        self._require_both(video, look)
        use_cases.unset_default(look_id=look, video_id=video)
        return self._default_answer("Video unset as default successfully", video, look, is_default=False)

    def _require_both(self, video_id: UUID, look_id: UUID) -> None:
        """Raises NotFound where either is unknown, then NotAllowed where either is somebody else's."""
        for owner_id in representation.owners_of(job_id=video_id, look_id=look_id):
            require_owner(self.request, owner_id)

    @staticmethod
    def _default_answer(message: str, video_id: UUID, look_id: UUID, *, is_default: bool) -> Response:
        return Response({"message": message, "videoId": video_id, "lookId": look_id, "isDefault": is_default})

    def _wanted(self, request: Request) -> Wanted:
        if request.query_params.keys() <= UNFILTERED:
            person = caller(request)
            account = getattr(person, "token_account", None)  # who was made by other hands may have none
            return Wanted(owner_id=person.pk, total=account and account.video_job_count)
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = _tuples(query.validated_data)
        if asked.pop("all"):
            if not caller(request).is_staff:
                raise NotAllowed("Only an admin may list everybody's video jobs.")
            return Wanted(**asked)
        return Wanted(owner_id=caller(request).pk, **asked)


@extend_schema_view(
    get=extend_schema(
        tags=["Video jobs"],
        operation_id="listVideoModels",
        summary="List video models",
        description="The models that this server offers, and what each accepts.",
        responses={200: OpenApiResponse(VideoModelOutput(many=True), description="A page of models.")},
    )
)
class VideoModelList(ApiView, ListAPIView[Any]):
    """The models that a form may offer, and what each can do here."""

    serializer_class = VideoModelOutput

    def get_queryset(self) -> Any:
        """The catalogue's offers: a list, for it is short."""
        return catalogue.offers()


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX or not key.isprintable():
        raise InvalidInput(f"Idempotency-Key must be at most {IDEMPOTENCY_KEY_MAX} printable characters.")
    return key


def _file_name(job: VideoJob) -> str:
    """A name that tells a person what is in the file; ASCII, so that every browser understands it."""
    return f"{slugify(job.prompt)[:50].strip('-') or 'video'}-{str(job.pk)[:8]}.mp4"
