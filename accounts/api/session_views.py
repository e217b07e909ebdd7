"""The endpoints of the caller's sessions."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access
from accounts.api.session_serializers import SessionLine
from accounts.api.views import TAGS
from accounts.models import Session
from accounts.sign_in import sessions
from accounts.sign_in.identity import caller
from studio.api.schema import error, id_in_path
from studio.api.views import ApiView, as_uuid


@extend_schema_view(
    get=extend_schema(
        tags=TAGS,
        summary="List the sessions",
        description="The caller's sessions that can still be used, newest first.",
        operation_id="listSessions",
        responses={200: OpenApiResponse(SessionLine(many=True), description="A page of sessions.")},
    )
)
class SessionsView(ApiView, ListAPIView[Session]):
    """The caller's sessions."""

    serializer_class = SessionLine
    queryset = Session.objects.order_by("-created_at", "-id")

    def get_queryset(self) -> QuerySet[Session]:
        """The caller's own, without ended and expired ones."""
        queryset: Any = super().get_queryset()
        live: QuerySet[Session] = queryset.live().filter(user=caller(self.request))
        return live

    @extend_schema(
        tags=TAGS,
        summary="Sign out everywhere",
        operation_id="endSessions",
        responses={204: OpenApiResponse(description="All sessions have ended, this one included.")},
    )
    def delete(self, request: Request) -> Response:
        """End all sessions of the caller, this one included: their tokens stop working at once."""
        access.sign_out_everywhere(user=caller(request), reason=Session.End.SIGNED_OUT)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(ApiView, GenericAPIView[Session]):
    """One session of the caller."""

    queryset = Session.objects.all()

    @extend_schema(
        tags=TAGS,
        summary="End a session",
        operation_id="endSession",
        parameters=[id_in_path("id", "The session's id.")],
        responses={
            204: OpenApiResponse(description="The session has ended."),
            404: error("No live session of the caller has this id."),
        },
    )
    def delete(self, request: Request, pk: str) -> Response:
        """End a session of the caller: its tokens stop working at once."""
        sessions.end_own(user=caller(request), session_id=as_uuid(pk), current=sessions.session_id(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
