"""The pages that load balancers and Prometheus request."""

from django.urls import re_path

from operations.prometheus import metrics
from studio.http.probes import healthz, readyz

urlpatterns = [
    re_path(r"^healthz/?$", healthz, name="healthz"),
    re_path(r"^readyz/?$", readyz, name="readyz"),
    re_path(r"^metrics/?$", metrics, name="metrics"),
]
