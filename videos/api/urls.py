"""URLs of video jobs, and of accounts where they show them, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from studio.api.views import not_an_endpoint
from videos.api.account_views import BalanceView, ExportView, MeView, RegisterView
from videos.api.event_views import EventStreamView, TicketView
from videos.api.model_views import VideoModelList
from videos.api.views import VideoJobViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("video-jobs", VideoJobViewSet, basename="video-job")

urlpatterns = [
    path("video-jobs/events", EventStreamView.as_view(), name="video-job-events"),
    path("video-jobs/events/ticket", TicketView.as_view(), name="video-job-ticket"),
    *router.urls,  # after those: an id would match "events"
    path("auth/register", RegisterView.as_view(), name="register"),
    path("auth/me", MeView.as_view(), name="me"),
    path("auth/me/export", ExportView.as_view(), name="export"),
    path("tokens", BalanceView.as_view(), name="tokens"),
    path("video-models", VideoModelList.as_view(), name="video-model-list"),
    # Wrong URLs that clients have used; each gets a hint.
    path("looks/<str:look_id>/videos/<str:pk>", not_an_endpoint("GET or DELETE {root}/video-jobs/{pk}")),
    path(
        "looks/<str:look_id>/videos/<str:pk>/set-default",
        not_an_endpoint("PATCH {root}/video-jobs/{pk}/set-default-for-look/{look_id}"),
    ),
    path("looks/<str:look_id>/videos", not_an_endpoint("GET {root}/video-jobs?lookId={look_id}")),
]
