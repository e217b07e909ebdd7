"""URLs of looks, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from looks.link_views import LookLinksView, LookLinkView
from looks.views import LookViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("looks", LookViewSet, basename="look")

urlpatterns = [
    *router.urls,
    path("looks/<str:pk>/links", LookLinksView.as_view(), name="look-links"),
    path("looks/<str:pk>/links/<str:link_id>", LookLinkView.as_view(), name="look-link"),
]
