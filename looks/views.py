"""The endpoints of looks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.sign_in.identity import caller
from looks import representation, use_cases
from looks.models import Look
from looks.permissions import LookPermission
from looks.serializers import ListQuery, LookForm, LookInput, LookOutput
from studio.api.idempotency import idempotency_key, key_parameter
from studio.api.paging import SkipLimitPagination, envelope
from studio.api.schema import MULTIPART, error, id_in_path, response_header
from studio.api.views import ApiView, as_uuid
from studio.http import bodies, uploads

BODY = {MULTIPART: LookForm}
LOOK_ID = id_in_path("id", "The id of the look.")
LOOK = OpenApiResponse(LookOutput, description="The look.")
TOO_MANY_UPLOADS = error("Too many uploads are in progress.")


@extend_schema(tags=["Looks"])
@extend_schema_view(
    list=extend_schema(
        operation_id="listLooks",
        summary="List looks",
        parameters=[ListQuery],
        responses={200: OpenApiResponse(LookOutput(many=True), description="A page of looks.")},
    ),
    create=extend_schema(
        operation_id="createLook",
        summary="Create a look",
        description="Create a look. Its picture and products can follow later.",
        request=BODY,
        parameters=[
            key_parameter("return the first look again"),
            response_header("Location", "The URL of the look.", of=[201], schema=OpenApiTypes.URI),
        ],
        responses={
            201: LOOK,
            409: error("The Idempotency-Key belongs to a different request, or its look was deleted."),
            503: TOO_MANY_UPLOADS,
        },
    ),
    retrieve=extend_schema(
        operation_id="getLook",
        summary="Get a look",
        description="One look: the caller's own, a public one, or one that is shared with the caller. Admins read any.",
        parameters=[LOOK_ID],
        responses={200: LOOK},
    ),
    partial_update=extend_schema(
        operation_id="updateLook",
        summary="Change a look",
        description=(
            "Change the fields that are sent. `products`, `sharedWithUserIds` and `sharedWithEmails` each replace "
            "their whole list; send a product's `id` to keep its picture."
        ),
        request=BODY,
        parameters=[LOOK_ID],
        responses={200: LOOK, 503: TOO_MANY_UPLOADS},
    ),
    destroy=extend_schema(
        operation_id="deleteLook",
        summary="Delete a look",
        description="Delete the look and its pictures. Its videos stay.",
        parameters=[LOOK_ID],
        responses={204: OpenApiResponse(description="Deleted.")},
    ),
)
class LookViewSet(ApiView, viewsets.GenericViewSet[Look]):
    """Create, list, read, change and delete looks."""

    permission_classes = (IsAuthenticated, LookPermission)
    scope = "looks"
    body_limits = bodies.FOR_FILES_AND_BASE64
    serializer_class = LookOutput
    queryset = Look.objects.all()

    def list(self, request: Request) -> Response:
        """The caller's own looks, or others that the caller may read, newest first."""
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        skip, limit = SkipLimitPagination.window(request)
        items, total = representation.page(**query.validated_data, skip=skip, limit=limit, request=request)
        return Response(envelope(items, total=total, skip=skip, limit=limit))

    def create(self, request: Request) -> Response:
        """Create a look. Its picture and products can follow later."""
        fields, key = self._fields(request), idempotency_key(request)
        look_id = use_cases.create_look(owner=caller(request), idempotency_key=key, **fields).pk
        location = reverse("look-detail", args=[look_id], request=request)
        body = representation.detail(self._look(look_id), request)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        """One look that the caller may read."""
        return Response(representation.detail(self._look(as_uuid(pk)), request))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that are sent."""
        look_id = as_uuid(pk)
        look = self._look(look_id)
        fields = self._fields(request, current_output=lambda: representation.detail(look, request))
        use_cases.update_look(look_id=look_id, **fields)
        return Response(representation.detail(self._look(look_id), request))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the look and its pictures; its videos stay."""
        look_id = as_uuid(pk)
        self._look(look_id)
        use_cases.delete_look(look_id=look_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _look(self, look_id: UUID) -> representation.LookRow:
        """Raises NotFound, or PermissionDenied where the caller may not send this method to the look."""
        look = representation.find(look_id=look_id, user=caller(self.request))
        self.check_object_permissions(self.request, look)
        return look

    def _fields(self, request: Request, *, current_output: Callable[[], Any] | None = None) -> dict[str, Any]:
        """The checked fields of the request. For a PATCH, `current_output` returns the look as a GET would."""
        form_class = LookForm if isinstance(request.data, QueryDict) else LookInput
        context = {"request": request, "current_output": current_output}
        form = form_class(data=request.data, partial=current_output is not None, context=context)
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        del form
        if uploads.is_heavy(request):  # frees the base64 text while the storage takes the pictures
            uploads.forget(request)
        return fields
