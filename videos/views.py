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

from accounts.identity import caller
from looks import curation
from studio import files
from studio.api import ApiView, IsOwnerOrAdmin, SkipLimitPagination, as_uuid, envelope, require_owner
from studio.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable
from studio.inputs import require_no_fields
from studio.projection import site_of
from studio.schema import ErrorAnswer, InsufficientTokensAnswer
from studio.storage.base import attachment_url
from videos import catalogue, creation, deletion, representation
from videos.listing import Wanted
from videos.models import VideoJob
from videos.orders import Order
from videos.phases import Phase
from videos.serializers import (
    DefaultAnswer,
    DownloadQuery,
    ListQuery,
    VideoJobDetail,
    VideoJobForm,
    VideoJobInput,
    VideoJobOutput,
    VideoModelOutput,
)

UUID_OR_EMPTY = {"oneOf": [{"type": "string", "format": "uuid"}, {"type": "string", "maxLength": 0}]}
IDEMPOTENCY_KEY_MAX = 255  # characters
UNFILTERED = {"skip", "limit"}  # a query string of the list without any filter has no other names


def _error(description: str) -> OpenApiResponse:
    return OpenApiResponse(ErrorAnswer, description=description)


@extend_schema(tags=["Video jobs"])
@extend_schema_view(
    list=extend_schema(
        summary="List video jobs",
        parameters=[ListQuery],
        responses={200: VideoJobOutput(many=True), 403: _error("`all=true` is for admins.")},
    ),
    retrieve=extend_schema(summary="One video job", responses={200: VideoJobDetail}),
    destroy=extend_schema(summary="Delete a video job", responses={204: None}),
)
class VideoJobViewSet(ApiView, viewsets.GenericViewSet[VideoJob]):
    """Videos that were asked for: create, watch, list, fetch, delete."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
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
        summary="Create a video job",
        request={
            "multipart/form-data": VideoJobForm,
            "application/json": VideoJobInput,
            "application/x-www-form-urlencoded": VideoJobInput,
        },
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="A repeat within 24 h answers with the first answer's job and charges nothing.",
            ),
            OpenApiParameter("look_id", UUID_OR_EMPTY, description="The same as the field `lookId`; empty for none."),
        ],
        responses={
            202: VideoJobDetail,
            402: OpenApiResponse(InsufficientTokensAnswer, description="Insufficient tokens."),
            409: _error("The Idempotency-Key was used for another request, or its job was deleted."),
            429: _error("Three jobs are running already."),
            503: _error("Nobody makes videos of this model here, or too many files are being received."),
        },
    )
    def create(self, request: Request) -> Response:
        """Charge 50 tokens, and queue the video."""
        form = VideoJobForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        order = Order(**_tuples(form.validated_data))
        job = creation.create(owner=caller(request), order=order, idempotency_key=_idempotency_key(request))
        row = representation.JOB.row_of(job)
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
        summary="Download the video",
        parameters=[DownloadQuery, OpenApiParameter("Range", OpenApiTypes.STR, OpenApiParameter.HEADER)],
        responses={
            (200, "video/mp4"): OpenApiTypes.BINARY,
            (206, "video/mp4"): OpenApiTypes.BINARY,
            302: OpenApiResponse(description="To the storage's own URL."),
            304: OpenApiResponse(description="The client has it already."),
            409: _error("The video is not ready."),
            416: _error("The range lies outside the file."),
            503: _error("The storage cannot be read, or too many files are being sent."),
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
            answer = files.stored(
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

    @extend_schema(summary="Let a video stand for a look", request=None, responses={200: DefaultAnswer})
    def set_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """The look's former default gives way; a video of any status may be the default."""
        require_no_fields(request)
        video, look = as_uuid(pk), as_uuid(look_id)
        if not curation.set_own_default(owner_id=caller(request).pk, look_id=look, video_id=video):
            self._require_both(video, look)
            curation.set_default(look_id=look, video_id=video)
        return self._default_answer("Video set as default successfully", video, look, is_default=True)

    @extend_schema(summary="Let a video no longer stand for a look", request=None, responses={200: DefaultAnswer})
    def unset_default_for_look(self, request: Request, pk: str, look_id: str) -> Response:
        """The look has no default then."""
        require_no_fields(request)
        video, look = as_uuid(pk), as_uuid(look_id)
        self._require_both(video, look)
        curation.unset_default(look_id=look, video_id=video)
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
            return Wanted(owner_id=person.pk, total=account and account.video_jobs)
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = _tuples(query.validated_data)
        if asked.pop("all"):
            if not caller(request).is_staff:
                raise NotAllowed("Only an admin may list everybody's video jobs.")
            return Wanted(**asked)
        return Wanted(owner_id=caller(request).pk, **asked)


@extend_schema_view(get=extend_schema(tags=["Video jobs"], summary="List video models"))
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
