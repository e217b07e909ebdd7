"""The base of the endpoints of one video job: finds it, checks who may act on it, and accepts new jobs."""

from django.db import models
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from rest_framework import status, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsOwnerOrAdmin
from studio.api.idempotency import key_parameter
from studio.api.schema import id_in_path, response_header
from studio.api.views import ApiView, as_uuid
from studio.db.statements import Param, SelectModels
from studio.errors import NotFound
from studio.http import bodies
from studio.http.origins import origin_of
from videos.api import representation
from videos.api.serializers import VideoJobOutput
from videos.idempotency import JobDeleted
from videos.models import VideoJob

_JOB = SelectModels(VideoJob, lambda: VideoJob.objects.filter(pk=Param("id", models.UUIDField())).order_by())

JOB_ID = id_in_path("id", "The id of the video job.")
IDEMPOTENCY_KEY = key_parameter("return the first job again, and charge nothing")
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
    location = f"{origin_of(request)}{reverse('video-job-detail', args=[job.pk])}"
    try:
        body = representation.detail(job_id=job.pk, request=request).body
    except NotFound:
        raise JobDeleted from None
    return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location})
