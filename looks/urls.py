"""URLs of looks, below /api/v1/."""

from django.urls import path

from looks.views import LookViewSet

looks = LookViewSet.as_view({"get": "list", "post": "create"})
look = LookViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"})

urlpatterns = [
    path("looks", looks, name="look-list"),
    path("looks/<str:pk>", look, name="look-detail"),
]
