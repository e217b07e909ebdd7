"""The studio's pages: one document for all of them, which the modules in `studio/static/site` fill from the API."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import translation
from django.utils.safestring import SafeString
from django.views.decorators.gzip import gzip_page
from django.views.i18n import JavaScriptCatalog

from studio import __version__
from studio.env import PROJECT
from studio.http.language import localised
from studio.http.origins import origin_at
from studio.http.responses import refusal

_READS = ("GET", "HEAD")
_FOLDER = PROJECT / "studio" / "static" / "site"
_SHEETS = ("tokens", "base", "controls", "parts", "pages")
# What every page imports: named in the document, they load at once and not one after the other.
_MODULES = (
    "studio",
    *(
        f"{file.parent.name}/{file.stem}"
        for folder in ("core", "parts")
        for file in sorted((_FOLDER / folder).glob("*.js"))
    ),
)


@gzip_page  # 48 kB, without a secret that the length could betray
@localised
def page(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """The document of every page."""
    if request.method not in _READS:
        return _method_not_allowed()
    language, demo = translation.get_language(), not settings.PRODUCTION
    context = {
        "is_home": not path,
        "demo": demo,
        "registration_open": settings.REGISTRATION_OPEN,
        "sheets": [static(f"site/{name}.css") for name in _SHEETS],
        "modules": [static(f"site/{name}.js") for name in _MODULES],
        "markup": _markup(language, settings.BASE_PATH, demo=demo),
        "language": language,
        "languages": settings.LANGUAGES,
        "language_cookie": settings.LANGUAGE_COOKIE_NAME,
        "base": settings.BASE_PATH,
        "version": __version__,
    }
    response = render(request, "site/page.html", context)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = content_policy(request)
    return response


@cache  # rendering takes 8 ms
def _markup(language: str, base: str, *, demo: bool) -> SafeString:
    """The templates of all pages. They depend on the arguments alone; the language and the base are those of now."""
    return render_to_string("site/markup/all.html", {"demo": demo})


def content_policy(request: HttpRequest) -> str:
    """The content security policy of the pages.

    Scripts and styles are ours alone. Trusted Types refuse to make HTML of text, so a title cannot become a script:
    the pages keep tokens where scripts can read them (docs/frontend.md).
    """
    files = " ".join(["'self'", "blob:", *(f"https://{host}" for host in settings.EXTERNAL_FILE_HOSTS)])
    return (
        "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        f"script-src 'self'; style-src 'self'; connect-src 'self' {origin_at(settings.LIVE_URL, request)}; "
        f"img-src {files}; media-src {files}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def texts(request: HttpRequest, language: str) -> HttpResponseBase:
    """Django's script with the translated texts of the modules: `gettext` and `ngettext`."""
    if request.method not in _READS:
        return _method_not_allowed()
    with translation.override(language):
        response: HttpResponseBase = JavaScriptCatalog.as_view(packages=["studio"])(request)
    response.headers["Cache-Control"] = "public, max-age=60"  # as WhiteNoise says of static files
    return response


def _method_not_allowed() -> HttpResponseBase:
    response = refusal(405, "method_not_allowed", "This URL accepts GET only.")
    response.headers["Allow"] = ", ".join(_READS)
    return response
