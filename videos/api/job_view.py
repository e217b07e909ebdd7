"""The base of the endpoints of one video job: finds it, checks who may act on it, and accepts new jobs."""

from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.permissions import IsOwnerOrAdmin
from studio.api.schema import id_in_path, response_header
from studio.api.views import ApiView, as_uuid
from studio.db.statements import Param, SelectModels
from studio.errors import InvalidInput, NotFound
from studio.http import bodies
from videos.api import representation
from videos.api.serializers import VideoJobOutput
from videos.idempotency import JobDeleted
from videos.models import VideoJob

IDEMPOTENCY_KEY_MAX = 255  # characters
_JOB = SelectModels(VideoJob, lambda: VideoJob.objects.filter(pk=Param("id", models.UUIDField())).order_by())

JOB_ID = id_in_path("id", "The id of the video job.")
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description=(
        "Makes a repeat safe: the same key and the same request within 24 hours return the first job again, "
        f"and charge nothing. At most {IDEMPOTENCY_KEY_MAX} printable characters."
    ),
)
LOCATION = response_header("Location", "The URL of the job, to poll.", of=[202], schema=OpenApiTypes.URI)


class JobView(ApiView, viewsets.GenericViewSet[VideoJob]):
    """What the endpoints of video jobs have in common."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
    scope = "videos"
    body_limits = bodies.FOR_FILES
    serializer_class = VideoJobOutput
    queryset = VideoJob.objects.all()

    def get_object(self) -> VideoJob:
        """The job in the path. Raises NotFound, or PermissionDenied where the caller is not its owner or an admin."""
        found = _JOB.all(id=as_uuid(self.kwargs["pk"]))
        if not found:
            raise NotFound("There is no such video job.")
        job: VideoJob = found[0]
        self.check_object_permissions(self.request, job)
        return job


def accepted(job: VideoJob, request: Request) -> Response:
    """202 with a new job and its URL. Raises JobDeleted if the owner deleted it meanwhile."""
    location = reverse("video-job-detail", args=[job.pk], request=request)
    try:
        body = representation.detail(job_id=job.pk, request=request).body
    except NotFound:
        raise JobDeleted from None
    return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})


def idempotency_key(request: Request) -> str:
    """The header's value, "" without one. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > IDEMPOTENCY_KEY_MAX or not key.isprintable():
        raise InvalidInput(f"Idempotency-Key must be at most {IDEMPOTENCY_KEY_MAX} printable characters.")
    return key
