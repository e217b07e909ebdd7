"""URLs of this app outside the API."""

from django.urls import re_path

from operations.prometheus import metrics

urlpatterns = [re_path(r"^metrics/?$", metrics, name="metrics")]
