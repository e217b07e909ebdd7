"""The endpoints of webhooks. Only their owner may use them, because some show the secret; staff have the admin."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import ListAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.sign_in.identity import caller
from studio.api.input_serializers import require_no_fields
from studio.api.schema import error, id_in_path
from studio.api.views import ApiView, as_uuid
from studio.errors import NotAllowed, NotFound
from studio.http.origins import origin_of
from videos.limits import MAX_WEBHOOKS
from videos.models import WebhookDelivery, WebhookEndpoint
from videos.webhooks import endpoints
from videos.webhooks.messages import KINDS
from videos.webhooks.serializers import DeliveryOutput, WebhookChanges, WebhookForm, WebhookOutput, WebhookWithSecret

WEBHOOK_ID = id_in_path("id", "The id of the webhook.")
DELIVERY_ID = id_in_path("delivery_id", "The id of the delivery.")
WEBHOOK = OpenApiResponse(WebhookOutput, description="The webhook.")
DISABLED = error("The webhook is disabled.")


@extend_schema(tags=["Webhooks"])
@extend_schema_view(
    list=extend_schema(
        operation_id="listWebhooks",
        summary="List webhooks",
        description="The caller's webhooks, newest first.",
        responses={200: OpenApiResponse(WebhookOutput(many=True), description="A page of webhooks.")},
    )
)
class WebhookViewSet(ListModelMixin, ApiView, viewsets.GenericViewSet[WebhookEndpoint]):
    """Webhooks: create, list, change, test and delete them, rotate secrets, and see what was delivered."""

    scope = "videos"
    serializer_class = WebhookOutput
    queryset = WebhookEndpoint.objects.order_by("-created_at", "-id")

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        """The caller's own."""
        return super().get_queryset().filter(owner=caller(self.request))

    @extend_schema(
        operation_id="createWebhook",
        summary="Create a webhook",
        description=(
            "Have every change of the caller's video jobs sent to a URL, from now on. Messages are signed as Standard "
            "Webhooks says; the response has the secret that verifies them, this once."
        ),
        request=WebhookForm,
        responses={
            201: OpenApiResponse(WebhookWithSecret, description="The webhook with its secret, this once."),
            409: error(f"The account has {MAX_WEBHOOKS} webhooks."),
        },
    )
    def create(self, request: Request) -> Response:
        """Create a webhook. Only this response and a rotation show its secret."""
        fields = _valid(WebhookForm(data=request.data, context={"request": request}))
        fields.setdefault("kinds", KINDS)
        endpoint = endpoints.create(owner=caller(request), origin=origin_of(request), **fields)
        return Response(WebhookWithSecret(endpoint).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="getWebhook", summary="Get a webhook", parameters=[WEBHOOK_ID], responses={200: WEBHOOK}
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """One webhook, without its secret."""
        return Response(WebhookOutput(_endpoint(request, pk)).data)

    @extend_schema(
        operation_id="updateWebhook",
        summary="Change a webhook",
        parameters=[WEBHOOK_ID],
        request=WebhookChanges,
        responses={200: WEBHOOK},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that are sent; enable or disable the webhook."""
        endpoint = _endpoint(request, pk)
        fields = _valid(WebhookChanges(data=request.data, partial=True, context={"request": request}))
        if "status" in fields:
            fields["is_active"] = fields.pop("status") == "active"
        endpoints.change(endpoint=endpoint, **fields)
        return Response(WebhookOutput(_endpoint(request, pk)).data)

    @extend_schema(
        operation_id="deleteWebhook",
        summary="Delete a webhook",
        parameters=[WEBHOOK_ID],
        responses={204: OpenApiResponse(description="Deleted, with its deliveries.")},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a webhook; messages that wait are not sent."""
        endpoints.delete(endpoint=_endpoint(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="rotateWebhookSecret",
        summary="Rotate a webhook's secret",
        description=(
            "Make a new secret, which the response has, this once. For 24 hours messages have two signatures: by the "
            "new secret and by the one before. Another rotation within that time ends the older one at once."
        ),
        parameters=[WEBHOOK_ID],
        request=None,
        responses={200: OpenApiResponse(WebhookWithSecret, description="The webhook with its new secret, this once.")},
    )
    @action(methods=["post"], detail=True, url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Replace the secret."""
        require_no_fields(request)
        endpoint = _endpoint(request, pk)
        endpoints.rotate_secret(endpoint=endpoint)
        return Response(WebhookWithSecret(endpoint).data)

    @extend_schema(
        operation_id="testWebhook",
        summary="Send a test message",
        description="Send a message of the type `webhook.test`. Its delivery is in the log.",
        parameters=[WEBHOOK_ID],
        request=None,
        responses={202: OpenApiResponse(DeliveryOutput, description="It will be sent at once."), 409: DISABLED},
    )
    @action(methods=["post"], detail=True, url_path="test")
    def send_test(self, request: Request, pk: str) -> Response:
        """Send a test message."""
        require_no_fields(request)
        delivery = endpoints.send_test(endpoint=_endpoint(request, pk))
        return Response(DeliveryOutput(delivery).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="retryWebhookDelivery",
        summary="Send a message again",
        description="Send a message again, at once, whether it was delivered or not. Its id and its body are the same.",
        parameters=[WEBHOOK_ID, DELIVERY_ID],
        request=None,
        responses={202: OpenApiResponse(DeliveryOutput, description="It will be sent at once."), 409: DISABLED},
    )
    @action(methods=["post"], detail=True, url_path="deliveries/<str:delivery_id>/retry")
    def send_again(self, request: Request, pk: str, delivery_id: str) -> Response:
        """Send a message again."""
        require_no_fields(request)
        delivery = WebhookDelivery.objects.filter(pk=as_uuid(delivery_id), endpoint=_endpoint(request, pk)).first()
        if delivery is None:
            raise NotFound("There is no such delivery.")
        endpoints.send_again(delivery=delivery)
        delivery.refresh_from_db()
        return Response(DeliveryOutput(delivery).data, status=status.HTTP_202_ACCEPTED)


@extend_schema(tags=["Webhooks"])
@extend_schema_view(
    get=extend_schema(
        operation_id="listWebhookDeliveries",
        summary="List a webhook's deliveries",
        description="The messages of the last days and what became of them, newest first.",
        parameters=[WEBHOOK_ID],
        responses={200: OpenApiResponse(DeliveryOutput(many=True), description="A page of deliveries.")},
    )
)
class DeliveriesView(ApiView, ListAPIView[WebhookDelivery]):
    """The log of a webhook."""

    scope = "videos"
    serializer_class = DeliveryOutput
    queryset = WebhookDelivery.objects.order_by("-created_at", "-id").defer("body")

    def get_queryset(self) -> QuerySet[WebhookDelivery]:
        """Those of the webhook in the path. Raises NotFound, and NotAllowed for another user's."""
        return super().get_queryset().filter(endpoint=_endpoint(self.request, self.kwargs["pk"]))


def _endpoint(request: Request, pk: str) -> WebhookEndpoint:
    """The webhook with this id. Raises NotFound, and NotAllowed for another user's."""
    endpoint = WebhookEndpoint.objects.filter(pk=as_uuid(pk)).first()
    if endpoint is None:
        raise NotFound("There is no such webhook.")
    if endpoint.owner_id != caller(request).pk:
        raise NotAllowed
    return endpoint


def _valid(form: WebhookForm) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
