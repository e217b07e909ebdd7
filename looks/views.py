"""The endpoints of looks."""

import builtins
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from accounts.identity import caller
from looks import curation
from looks.models import Look
from looks.serializers import ListQuery, LookForm, LookInput, LookOutput
from studio.api import IsOwnerOrAdmin, SkipLimitPagination, as_uuid
from studio.errors import NotAllowed, NotFound

BODIES = {
    "multipart/form-data": LookForm,
    "application/json": LookInput,
}


class LookPagination(SkipLimitPagination):
    """The page and the number of all in one statement; takes looks from `LookQuerySet.counted`."""

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> builtins.list[Any] | None:
        """The rows of the page."""
        self.request = request
        self.limit, self.offset = self.get_limit(request), self.get_offset(request)
        page: list[Look] = list(queryset[self.offset : self.offset + self.limit])
        self.count = page[0].total if page else self._count_before(queryset)  # type: ignore[attr-defined]  # an annotation
        return page

    def _count_before(self, queryset: Any) -> int:
        return self.get_count(queryset) if self.offset else 0


@extend_schema(tags=["Looks"])
@extend_schema_view(
    list=extend_schema(summary="List looks", parameters=[ListQuery], responses={200: LookOutput(many=True)}),
    create=extend_schema(summary="Create a look", request=BODIES, responses={201: LookOutput}),
    retrieve=extend_schema(summary="One look", responses={200: LookOutput}),
    partial_update=extend_schema(summary="Change a look", request=BODIES, responses={200: LookOutput}),
    destroy=extend_schema(summary="Delete a look", responses={204: None}),
)
class LookViewSet(viewsets.GenericViewSet[Look]):
    """Pictures of outfits, with their products and videos."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
    pagination_class = LookPagination
    serializer_class = LookOutput
    queryset = Look.objects.all()
    lookup_value_regex = "[^/]+"

    def list(self, request: Request) -> Response:
        """The caller's own looks, or others that the caller may read, newest first."""
        page = self.paginate_queryset(self._wanted(request))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def create(self, request: Request) -> Response:
        """Make a look of a picture and its products; both can come later."""
        look = curation.create_look(owner=caller(request), **self._fields(request))
        location = reverse("look-detail", args=[look.pk], request=request)
        return Response(self._shown(look), status=status.HTTP_201_CREATED, headers={"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        """One look, for everybody who may see it."""
        wanted = Look.objects.filter(pk=as_uuid(pk))
        look = wanted.visible_to(caller(request)).complete().first()
        if look is None:
            raise NotAllowed if wanted.exists() else NotFound("There is no such look.")
        return Response(self.get_serializer(look).data)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change what is given. `products` and `sharedWithUserIds` replace what was there."""
        look = self._owned(pk)
        curation.update_look(look_id=look.pk, **self._fields(request, partial=True))
        return Response(self._shown(look))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the look with its pictures; its videos stay."""
        curation.delete_look(look_id=self._owned(pk).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _wanted(self, request: Request) -> QuerySet[Look]:
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        user, looks = caller(request), Look.objects.all()
        looks = {
            "mine": looks.filter(owner=user),
            "shared": looks.shared_with(user),
            "public": looks.public(),
        }[query.validated_data["view"]]
        return looks.search(query.validated_data["search"]).counted().complete().order_by("-created_at", "-id")

    def _owned(self, pk: str) -> Look:
        """The look in the path: unknown is 404, somebody else's 403."""
        look = self.get_queryset().filter(pk=as_uuid(pk)).first()
        if look is None:
            raise NotFound("There is no such look.")
        self.check_object_permissions(self.request, look)
        return look

    def _fields(self, request: Request, *, partial: bool = False) -> dict[str, Any]:
        kind = LookForm if isinstance(request.data, QueryDict) else LookInput
        form = kind(data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def _shown(self, look: Look) -> Any:
        return self.get_serializer(Look.objects.complete().get(pk=look.pk)).data
