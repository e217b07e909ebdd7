"""All URLs. Apps are included by name: studio imports none of them."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from studio.http.serving import media

handler400 = "studio.api.views.bad_request"
handler404 = "studio.api.views.not_found"
handler500 = "studio.api.views.server_error"

admin.autodiscover()
urlpatterns = [  # the busiest first: Django tries them in this order
    path("api/v1/", include("videos.api.urls")),
    path("api/v1/", include("looks.urls")),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("videos.webhooks.urls")),
    path("", include("operations.urls")),
    path("", include("looks.public.urls")),
    path("openapi.json", SpectacularJSONAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    re_path(r"^redoc/?$", SpectacularRedocView.as_view(url_name="schema"), name="redoc"),
    path("media/<path:name>", media, name="media"),
    path("admin/second-factor/", include("accounts.sign_in.second_factor_urls")),
    *([path("admin/google/", include("accounts.sign_in.google.urls"))] if settings.STAFF_GOOGLE else []),
    path("admin/rq/", include("django_rq.urls")),
    path("admin/", admin.site.urls),
    path("", include("studio.site.urls")),
]
