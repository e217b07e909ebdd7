"""The admin's middleware runs for the admin's pages only."""

from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string

from studio.backoffice.middleware import BackOfficeMiddleware
from tests.conftest import MakeUser, SignIn

JOBS = "/api/v1/video-jobs"
pytestmark = pytest.mark.django_db
calls: list[str] = []


class Outer:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        calls.append("outer in")
        response: HttpResponse = self.get_response(request)
        calls.append(f"outer out {response.status_code}")
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        calls.append("outer view")


class Inner(Outer):
    def __call__(self, request: HttpRequest) -> HttpResponse:
        calls.append("inner in")
        response: HttpResponse = self.get_response(request)
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        raise PermissionDenied


def test_api_looks_at_no_session(make_user: MakeUser, sign_in: SignIn) -> None:
    ann = make_user(staff=True)
    client = sign_in(ann)
    client.force_login(ann)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(JOBS)

    assert (answer.status_code, answer.cookies) == (200, {})
    assert [query["sql"] for query in queries if "django_session" in query["sql"]] == []
    assert Client(headers={"Cookie": client.cookies.output(header="")}).get(JOBS).status_code == 401


def test_api_asks_for_no_csrf_token(make_user: MakeUser, sign_in: SignIn) -> None:
    client = sign_in(make_user())
    client.handler.enforce_csrf_checks = True

    assert client.post(JOBS, {"mockMode": True, "prompt": "x"}, format="json").status_code == 202


def test_admin_asks_for_a_csrf_token() -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "x"}).status_code == 403


def test_admin_appends_a_slash(client: Client) -> None:
    answer = client.get("/admin")

    assert (answer.status_code, answer.headers["Location"]) == (301, "/admin/")


def test_admin_keeps_who_signed_in(make_user: MakeUser, client: Client) -> None:
    client.force_login(make_user("boss@example.com", staff=True))

    assert client.get("/admin/").status_code == 200
    assert client.get("/administration/").status_code == 404


def test_chain_runs_in_its_order_and_keeps_to_the_admin(client: Client, settings: Any) -> None:
    settings.BACK_OFFICE_MIDDLEWARE = [f"{__name__}.{name}" for name in ("Outer", "Inner")]
    calls.clear()

    refused = [client.get(path).status_code for path in ("/admin/login/", "/healthz")]

    assert refused == [403, 200]
    assert calls == ["outer in", "inner in", "outer view", "outer out 403"]


@pytest.mark.parametrize("hook", ["process_view", "process_exception", "process_template_response"])
def test_chain_calls_every_hook_of_its_members(hook: str) -> None:
    members = [import_string(path) for path in settings.BACK_OFFICE_MIDDLEWARE]

    assert hasattr(BackOfficeMiddleware, hook) == any(hasattr(member, hook) for member in members)


@pytest.mark.parametrize("path", ["/docs", "/admin/login/", JOBS, "/nothing"])
def test_unknown_host_is_refused_with_its_content_length(client: Client, settings: Any, path: str) -> None:
    settings.ALLOWED_HOSTS = ["studio.example.com"]

    refused = client.get(path)
    accepted = client.get(path, headers={"Host": "studio.example.com"})

    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert accepted.status_code != 400
    assert accepted.headers["Content-Length"] == str(len(accepted.content))
