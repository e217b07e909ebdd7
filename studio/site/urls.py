"""URLs of the studio's pages. The API, the documentation and the admin have theirs in `studio.urls`."""

from django.conf import settings
from django.urls import path, re_path
from django.views.generic import RedirectView

from studio.site.views import page, texts

_LANGUAGES = "|".join(code for code, _ in settings.LANGUAGES)
# The router in the browser knows the same paths: studio/static/site/app.js.
_PATHS = "|".join(
    [
        *("sign-in", "sign-in/google", "register", "forgot-password", "reset-password", "verify-email"),
        *("looks", "looks/new", "looks/[0-9a-fA-F-]{36}", "videos", "videos/[0-9a-fA-F-]{36}", "create"),
        *("account", "account/(?:tokens|sessions|keys|webhooks|data)"),
    ]
)

urlpatterns = [
    path("", page, name="home"),
    re_path(rf"^({_PATHS})/?$", page, name="page"),
    re_path(rf"^site/texts/(?P<language>{_LANGUAGES})\.js$", texts, name="texts"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}site/pictures/favicon.ico"), name="favicon"),
]
