"""The endpoints of API keys. They accept no key: whoever has one must not be able to make another."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.key_serializers import ApiKeyForm, ApiKeyOutput, NewApiKey
from accounts.api.views import TAGS
from accounts.models import ApiKey
from accounts.permissions import IsOwnerOrAdmin, Owned
from accounts.sign_in import api_keys
from accounts.sign_in.identity import caller
from studio.api.schema import error, id_in_path
from studio.api.views import ApiView, as_uuid
from studio.errors import NotFound


@extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        summary="List API keys",
        description="The caller's API keys, revoked and expired ones included, newest first.",
        operation_id="listApiKeys",
        responses={200: OpenApiResponse(ApiKeyOutput(many=True), description="A page of keys.")},
    )
)
class ApiKeysView(ApiView, ListAPIView[ApiKey]):
    """Lists and creates the caller's API keys."""

    serializer_class = ApiKeyOutput
    queryset = ApiKey.objects.order_by("-created_at", "-id")

    def get_queryset(self) -> QuerySet[ApiKey]:
        """The caller's own."""
        return super().get_queryset().filter(user=caller(self.request))

    @extend_schema(
        tags=TAGS,
        summary="Create an API key",
        operation_id="createApiKey",
        request=ApiKeyForm,
        responses={
            201: OpenApiResponse(NewApiKey, description="The key, this once."),
            409: error(f"The account has {api_keys.MAX_LIVE} usable keys."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a key for a script. Only this response shows it."""
        form = ApiKeyForm(data=request.data, context={"request": request})
        form.is_valid(raise_exception=True)
        key, text = api_keys.create(user=caller(request), **form.validated_data)
        return Response({**ApiKeyOutput(key).data, "key": text}, status=status.HTTP_201_CREATED)


class ApiKeyView(ApiView):
    """One API key."""

    permission_classes = (IsAuthenticated, IsOwnerOrAdmin)

    @extend_schema(
        tags=TAGS,
        summary="Revoke an API key",
        operation_id="revokeApiKey",
        parameters=[id_in_path("id", "The id of the key.")],
        responses={204: OpenApiResponse(description="Revoked, now or before.")},
    )
    def delete(self, request: Request, id: str) -> Response:  # noqa: A002 - the parameter's name in the API
        """Revoke a key at once. It stays in the list."""
        key = ApiKey.objects.filter(pk=as_uuid(id)).first()
        if key is None:
            raise NotFound("There is no such API key.")
        self.check_object_permissions(request, Owned(key.user_id))
        api_keys.revoke(key=key, actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
