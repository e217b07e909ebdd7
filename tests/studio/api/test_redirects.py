"""Redirects under a prefix that the proxy keeps, and under one that it removes."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse, set_script_prefix

from tests.conftest import PASSWORD, MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db
HOST, PREFIX = "studio.example.com", "/AIStudio"
Ask = Callable[..., Any]


@pytest.fixture(params=[("", True), (PREFIX, True), (PREFIX, False)], ids=["no prefix", "kept", "stripped"])
def proxy(request: pytest.FixtureRequest, settings: Any) -> Iterator[tuple[str, bool]]:
    """The prefix, and whether the proxy passes it on."""
    prefix, is_kept = request.param
    settings.BASE_PATH, settings.FORCE_SCRIPT_NAME = prefix, prefix or None
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = f"{prefix}/admin/"
    settings.SECURE_SSL_REDIRECT = settings.USE_X_FORWARDED_HOST = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    set_script_prefix(f"{prefix}/")  # the WSGI handler does this, the test client's does not
    yield prefix, is_kept
    set_script_prefix("/")


@pytest.fixture
def ask(proxy: tuple[str, bool]) -> Ask:
    """A request as the proxy passes it on; the path is the one in the browser."""
    prefix, is_kept = proxy
    browser = Client()

    def send(path: str, *, method: str = "get", scheme: str = "https", client: Any = browser, **data: Any) -> Any:
        seen = path if is_kept else path.removeprefix(prefix) or "/"
        headers = {"X-Forwarded-Proto": scheme, "X-Forwarded-Host": HOST}
        # named again: the client takes the first name of //docs for a host
        return getattr(client, method)(seen, data or None, headers=headers, PATH_INFO=seen.partition("?")[0])

    send.browser = browser  # type: ignore[attr-defined]
    return send


def target(response: Any, *, asked: str) -> str:
    """The path in the browser that a redirect leads to, with its query; it stays on the site, and is absolute."""
    assert response.status_code in (301, 302), (asked, response.status_code)
    found = urlsplit(response["Location"])
    assert (found.scheme, found.netloc) in {("https", HOST), ("", "")}, response["Location"]
    assert found.path.startswith("/"), response["Location"]
    return found._replace(scheme="", netloc="").geturl()


PAGES = (
    "/",
    "/docs",
    "/redoc/",
    "/openapi.json",
    "/media/a.png",
    "/api/v1/auth/me",
    "/api/v1/video-jobs?limit=1",
    "/admin/",
    "/admin",
    "/admin/login/?next=/x",
    "/metrics2",
    "/static/studio/back_office.css",
)


@pytest.mark.parametrize("page", PAGES)
def test_http_leads_to_the_same_page_by_https(proxy: tuple[str, bool], ask: Ask, page: str) -> None:
    asked = f"{proxy[0]}{page}"

    response = ask(asked, scheme="http")

    assert (response.status_code, response["Location"]) == (301, f"https://{HOST}{asked}")


@pytest.mark.parametrize("page", ["//docs", "///docs"])
def test_doubled_slashes_lead_to_no_other_host(proxy: tuple[str, bool], ask: Ask, page: str) -> None:
    assert target(ask(f"{proxy[0]}{page}", scheme="http"), asked=page) == f"{proxy[0]}/docs"


def test_machines_are_not_redirected(proxy: tuple[str, bool], ask: Ask) -> None:
    assert ask(f"{proxy[0]}/healthz", scheme="http").status_code == 200


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("/admin", "/admin/"),
        ("/admin/accounts/user", "/admin/login/"),
        ("/admin/", "/admin/login/"),
        ("/admin/accounts/user/?q=a%2Bb", "/admin/login/"),
        ("/admin/rq/", "/admin/login/"),
        ("/admin/password_change/", "/admin/login/"),
        ("/admin/second-factor/", "/admin/login/"),
    ],
)
def test_stranger_is_led_to_a_page_that_is_there(proxy: tuple[str, bool], ask: Ask, page: str, expected: str) -> None:
    prefix, asked = proxy[0], f"{proxy[0]}{page}"
    found = urlsplit(target(ask(asked), asked=asked))

    assert found.path == f"{prefix}{expected}"
    wanted = parse_qs(found.query).get("next", [asked])[0]
    assert wanted == asked
    while (response := ask(found.geturl())).status_code != 200:
        found = urlsplit(target(response, asked=found.geturl()))


def test_member_of_staff_is_led_through_the_admin(proxy: tuple[str, bool], ask: Ask, make_user: MakeUser) -> None:
    prefix, sue = proxy[0], make_user("sue@example.com", staff=True)
    own_page = reverse("admin:accounts_user_change", args=(sue.pk,)).removeprefix(prefix)
    short = own_page.removesuffix("change/")
    login, form = f"{prefix}/admin/login/", {"username": sue.email, "password": PASSWORD}

    inside = target(ask(f"{login}?next={prefix}{own_page}", method="post", **form), asked=login)
    steps = [
        target(ask(f"{prefix}{page}"), asked=page) for page in (short, "/admin/login/", own_page.removesuffix("/"))
    ]
    steps.append(target(ask(f"{prefix}{own_page.removesuffix('change/')}sign-out", method="post"), asked="sign-out"))
    password = {"old_password": PASSWORD, "new_password1": "another-passphrase", "new_password2": "another-passphrase"}
    changed = target(ask(f"{prefix}/admin/password_change/", method="post", **password), asked="password")

    assert inside == f"{prefix}{own_page}"
    assert steps[:3] == [f"{prefix}{own_page}", f"{prefix}/admin/", f"{prefix}{own_page}"]
    assert changed == f"{prefix}/admin/password_change/done/"
    assert [ask(page).status_code for page in (inside, steps[1], changed)] == [200, 200, 200]
    assert ask(f"{prefix}/admin/logout/", method="post").status_code in (200, 302)


def test_download_leads_to_the_file(
    proxy: tuple[str, bool], ask: Ask, make_user: MakeUser, make_job: MakeJob, sign_in: SignIn
) -> None:
    prefix, ann = proxy[0], make_user()
    job = make_job(ann, phase=Phase.SUCCEEDED, video="videos/a.mp4")

    response = ask(f"{prefix}/api/v1/video-jobs/{job.pk}/download?redirect=true", client=sign_in(ann))

    assert (response.status_code, urlsplit(response["Location"]).netloc) == (302, HOST)
