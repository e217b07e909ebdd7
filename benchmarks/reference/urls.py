"""The plain way's URLs: those that are measured."""

from django.http import HttpResponse
from django.urls import path

from benchmarks.reference.views import LookViewSet, VideoJobViewSet

urlpatterns = [
    path("healthz", lambda request: HttpResponse("ok")),
    path("api/v1/video-jobs", VideoJobViewSet.as_view({"get": "list", "post": "create"})),
    path("api/v1/video-jobs/<uuid:pk>", VideoJobViewSet.as_view({"get": "retrieve"}), name="job"),
    path(
        "api/v1/video-jobs/<uuid:pk>/set-default-for-look/<uuid:look_id>",
        VideoJobViewSet.as_view({"patch": "set_default"}),
    ),
    path("api/v1/looks", LookViewSet.as_view({"get": "list"})),
    path("api/v1/looks/<uuid:pk>", LookViewSet.as_view({"get": "retrieve"})),
]
