"""URLs of video jobs, and of accounts where they show them, below /api/v1/."""

from django.urls import path

from studio.api.views import not_an_endpoint
from videos.api.account_views import BalanceView, MeView, RegisterView
from videos.api.views import VideoJobViewSet, VideoModelList

jobs = VideoJobViewSet.as_view({"get": "list", "post": "create"})
job = VideoJobViewSet.as_view({"get": "retrieve", "delete": "destroy"})
set_default = VideoJobViewSet.as_view({"patch": "set_default_for_look"})
unset_default = VideoJobViewSet.as_view({"patch": "unset_default_for_look"})
download = VideoJobViewSet.as_view({"get": "download"})


urlpatterns = [
    path("auth/register", RegisterView.as_view(), name="register"),
    path("auth/me", MeView.as_view(), name="me"),
    path("tokens", BalanceView.as_view(), name="tokens"),
    path("video-models", VideoModelList.as_view(), name="video-model-list"),
    path("video-jobs", jobs, name="video-job-list"),
    path("video-jobs/<str:pk>", job, name="video-job-detail"),
    path("video-jobs/<str:pk>/download", download, name="video-job-download"),
    path("video-jobs/<str:pk>/set-default-for-look/<str:look_id>", set_default, name="video-job-set-default"),
    path("video-jobs/<str:pk>/unset-default-for-look/<str:look_id>", unset_default, name="video-job-unset-default"),
    # Taken for endpoints: the first two by readers of the frontend's guide, which warns of them.
    path("looks/<str:look_id>/videos/<str:pk>", not_an_endpoint("GET or DELETE {root}/video-jobs/{pk}")),
    path(
        "looks/<str:look_id>/videos/<str:pk>/set-default",
        not_an_endpoint("PATCH {root}/video-jobs/{pk}/set-default-for-look/{look_id}"),
    ),
    path("looks/<str:look_id>/videos", not_an_endpoint("GET {root}/video-jobs?lookId={look_id}")),
]
