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
from looks.serializers import ListQuery, LookForm, LookInput, LookOutput
from studio.api.paging import SkipLimitPagination, envelope
from studio.api.row_serializers import site_of
from studio.api.schema import MULTIPART, error, id_in_path, response_header
from studio.api.views import ApiView, IsOwnerOrAdmin, as_uuid
from studio.errors import NotFound
from studio.http import bodies, uploads

BODY = {MULTIPART: LookForm}
LOOK_ID = id_in_path("id", "The id of the look.")
SHOWN = OpenApiResponse(LookOutput, description="The look.")
BUSY = error("Too many uploads are in progress.")


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
        description="Create a look. Its picture and its products can follow later.",
        request=BODY,
        parameters=[response_header("Location", "The URL of the look.", of=[201], schema=OpenApiTypes.URI)],
        responses={201: SHOWN, 503: BUSY},
    ),
    retrieve=extend_schema(
        operation_id="getLook",
        summary="Get a look",
        description="One look: the caller's own, a public one, or one that is shared with the caller.",
        parameters=[LOOK_ID],
        responses={200: SHOWN},
    ),
    partial_update=extend_schema(
        operation_id="updateLook",
        summary="Change a look",
        description=(
            "Change the fields that are sent. `products` and `sharedWithUserIds` replace the whole list; send a "
            "product's `id` to keep its picture."
        ),
        request=BODY,
        parameters=[LOOK_ID],
        responses={200: SHOWN, 503: BUSY},
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
    """Pictures of outfits, with their products and videos."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
    body_limits = bodies.FOR_FILES_AND_BASE64
    serializer_class = LookOutput
    queryset = Look.objects.all()
    lookup_value_regex = "[^/]+"

    def list(self, request: Request) -> Response:
        """The caller's own looks, or others that the caller may read, newest first."""
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        skip, limit = SkipLimitPagination.window(request)
        items, total = representation.show_page(
            **query.validated_data, caller=caller(request), skip=skip, limit=limit, site=site_of(request)
        )
        return Response(envelope(items, total=total, skip=skip, limit=limit))

    def create(self, request: Request) -> Response:
        """Make a look of a picture and its products; both can come later."""
        look = use_cases.create_look(owner=caller(request), **self._fields(request))
        location = reverse("look-detail", args=[look.pk], request=request)
        return Response(self._shown(look.pk), status=status.HTTP_201_CREATED, headers={"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        """One look, for everybody who may see it."""
        return Response(self._shown(as_uuid(pk)))

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is given. `products` and `sharedWithUserIds` replace what was there."""
        look = self._owned(pk)
        use_cases.update_look(look_id=look.pk, **self._fields(request, shown=lambda: self._shown(look.pk)))
        return Response(self._shown(look.pk))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the look with its pictures; its videos stay."""
        use_cases.delete_look(look_id=self._owned(pk).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _owned(self, pk: str) -> Look:
        """The look in the path: unknown is 404, somebody else's 403."""
        look = self.get_queryset().filter(pk=as_uuid(pk)).first()
        if look is None:
            raise NotFound("There is no such look.")
        self.check_object_permissions(self.request, look)
        return look

    def _fields(self, request: Request, *, shown: Callable[[], Any] | None = None) -> dict[str, Any]:
        """What is given, of a new look or of one that is `shown` so."""
        kind = LookForm if isinstance(request.data, QueryDict) else LookInput
        context = {"request": request, "shown": shown}
        form = kind(data=request.data, partial=shown is not None, context=context)
        form.is_valid(raise_exception=True)
        fields = dict(form.validated_data)
        del form
        if uploads.is_heavy(request):  # the storage may take its time, and need not know the text of the pictures
            uploads.forget(request)
        return fields

    def _shown(self, look_id: UUID) -> Any:
        return representation.show(look_id=look_id, caller=caller(self.request), site=site_of(self.request))
