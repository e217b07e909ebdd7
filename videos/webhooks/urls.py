"""URLs of webhooks, below /api/v1/."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from videos.webhooks.views import DeliveriesView, WebhookViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("webhooks", WebhookViewSet, basename="webhook")

urlpatterns = [*router.urls, path("webhooks/<str:pk>/deliveries", DeliveriesView.as_view(), name="webhook-deliveries")]
