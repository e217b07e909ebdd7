"""The endpoints of links, for a look's owner and admins."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsOwnerOrAdmin, Owned
from accounts.sign_in.identity import caller
from looks import links
from looks.link_serializers import LookLinkForm, LookLinkOutput
from looks.models import Look, LookLink
from looks.views import LOOK_ID
from studio.api.schema import error, id_in_path
from studio.api.views import ApiView, as_uuid
from studio.errors import NotFound


class _OfOneLook(ApiView):
    """The base of both endpoints: only the look's owner and admins see that it has links."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)
    scope = "looks"

    def _look_id(self) -> UUID:
        """Raises NotFound, or PermissionDenied for other users."""
        look_id = as_uuid(self.kwargs["pk"])
        owner_id = Look.objects.filter(pk=look_id).values_list("owner", flat=True).first()
        if owner_id is None:
            raise NotFound("There is no such look.")
        self.check_object_permissions(self.request, Owned(owner_id))
        return look_id


@extend_schema_view(
    get=extend_schema(
        tags=["Looks"],
        operation_id="listLookLinks",
        summary="List a look's links",
        description="The look's links, revoked and expired ones included, newest first.",
        parameters=[LOOK_ID],
        responses={200: OpenApiResponse(LookLinkOutput(many=True), description="A page of links.")},
    )
)
class LookLinksView(_OfOneLook, ListAPIView[LookLink]):
    """Lists and creates the links of a look."""

    serializer_class = LookLinkOutput
    queryset = LookLink.objects.all()

    def get_queryset(self) -> QuerySet[LookLink]:
        """Of this look."""
        return links.of_look(self._look_id())

    @extend_schema(
        tags=["Looks"],
        operation_id="createLookLink",
        summary="Share a look by link",
        parameters=[LOOK_ID],
        request=LookLinkForm,
        responses={
            201: OpenApiResponse(LookLinkOutput, description="The link."),
            409: error(f"The look has {links.MAX_LIVE} usable links."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a link. Everyone who has its address sees the look, whatever the visibility, until the link ends."""
        look_id = self._look_id()
        form = LookLinkForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        link = links.create(look_id=look_id, user=caller(request), **form.validated_data)
        body = LookLinkOutput(link, context={"request": request}).data
        return Response(body, status=status.HTTP_201_CREATED)


class LookLinkView(_OfOneLook):
    """One link."""

    @extend_schema(
        tags=["Looks"],
        operation_id="revokeLookLink",
        summary="Revoke a link",
        parameters=[LOOK_ID, id_in_path("link_id", "The id of the link.")],
        responses={204: OpenApiResponse(description="Revoked, now or before.")},
    )
    def delete(self, request: Request, pk: str, link_id: str) -> Response:
        """Revoke a link at once. Its page is not found any more; it stays in the list."""
        link = links.of_look(self._look_id()).select_related("look__owner").filter(pk=as_uuid(link_id)).first()
        if link is None:
            raise NotFound("There is no such link.")
        links.revoke(link=link, actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
