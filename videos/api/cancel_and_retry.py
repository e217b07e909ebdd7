"""The endpoints that end an unfinished video job, and repeat a failed one."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.sign_in.identity import caller
from studio.api.idempotency import idempotency_key
from studio.api.input_serializers import require_no_fields
from studio.api.schema import InsufficientTokensResponse, error
from videos.api import representation
from videos.api.job_view import IDEMPOTENCY_KEY, JOB_ID, LOCATION, JobView, accepted
from videos.api.serializers import NotRetriedResponse, VideoJobDetail
from videos.engine import cancellation
from videos.recovery import retry


class CancelAndRetry(JobView):
    """Cancel and retry a video job."""

    @extend_schema(
        operation_id="cancelVideoJob",
        summary="Cancel a video job",
        description=(
            "An unfinished job becomes FAILED with the code `cancelled`, and its slot is free at once. A PENDING job's "
            "tokens come back. Cancelling a cancelled job changes nothing."
        ),
        parameters=[JOB_ID],
        request=None,
        responses={
            200: OpenApiResponse(VideoJobDetail, description="The job is cancelled."),
            409: error("The job has succeeded, or failed for another reason."),
        },
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End the job; its record stays."""
        require_no_fields(request)
        job = self.get_object()
        cancellation.cancel(job_id=job.pk, actor=caller(request))
        return Response(representation.detail(job_id=job.pk, request=request).body)

    @extend_schema(
        operation_id="retryVideoJob",
        summary="Retry a failed video job",
        description=(
            "Charge 50 tokens, and queue a new job with the same prompt, pictures, options and look. The failed job "
            "stays; `retriedBy` and `retryOf` link the two. A job has one retry."
        ),
        parameters=[JOB_ID, IDEMPOTENCY_KEY, LOCATION],
        request=None,
        responses={
            202: OpenApiResponse(VideoJobDetail, description="The new job is accepted and queued."),
            402: OpenApiResponse(InsufficientTokensResponse, description="The balance is lower than the price."),
            409: OpenApiResponse(
                NotRetriedResponse,
                description=(
                    "The job has not failed, was retried before, or its pictures are deleted; or the Idempotency-Key "
                    "belongs to a different request, or its job was deleted."
                ),
            ),
            429: error("You have 3 unfinished jobs, or have sent too many requests."),
            503: error("No provider is configured for this model, or the pictures cannot be read at the moment."),
        },
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Queue the same video again, as a new job."""
        require_no_fields(request)
        job = self.get_object()
        again = retry.retry(job_id=job.pk, actor=caller(request), idempotency_key=idempotency_key(request))
        return accepted(again, request)
