"""The pages that load balancers and Prometheus request, and the demo account of a development server."""

from django.conf import settings
from django.urls import path, re_path

from operations.demo.views import DemoContentView, DemoSignInView
from operations.prometheus import metrics
from studio.http.probes import healthz, readyz

urlpatterns = [
    re_path(r"^healthz/?$", healthz, name="healthz"),
    re_path(r"^readyz/?$", readyz, name="readyz"),
    re_path(r"^metrics/?$", metrics, name="metrics"),
]
if not settings.PRODUCTION:
    urlpatterns += [
        path("api/v1/auth/demo", DemoSignInView.as_view(), name="demo-sign-in"),
        path("api/v1/auth/me/demo", DemoContentView.as_view(), name="demo-content"),
    ]
