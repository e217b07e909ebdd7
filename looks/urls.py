"""URLs of looks, below /api/v1/."""

from rest_framework.routers import SimpleRouter

from looks.views import LookViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("looks", LookViewSet, basename="look")

urlpatterns = router.urls
