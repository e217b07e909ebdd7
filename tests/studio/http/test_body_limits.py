"""How large a body may be is decided by its route and type, before a byte of it is read."""

import io
from typing import Any

import pytest
from django.conf import settings
from rest_framework.permissions import IsAuthenticated
from rest_framework.test import APIClient

from studio.api import routes
from studio.http import bodies
from tests.conftest import MakeUser, SignIn

pytestmark = pytest.mark.django_db

KIB, MIB = 1024, 1024 * 1024
AUTH = [
    *("/api/v1/auth/register", "/api/v1/auth/token", "/api/v1/auth/token/refresh", "/api/v1/auth/token/revoke"),
    *("/api/v1/auth/google", "/api/v1/auth/password/reset", "/api/v1/auth/password/reset/confirm"),
    *("/api/v1/auth/email/verify", "/api/v1/auth/email/verify/confirm", "/api/v1/auth/methods", "/api/v1/auth/demo"),
]
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
TYPES = [URLENCODED, "application/json", MULTIPART, "text/plain", ""]


class Unread(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def post(client: APIClient, path: str, content_type: str, length: int, method: str = "POST") -> Any:
    """The response to the headers of a request."""
    headers: dict[str, Any] = {"CONTENT_LENGTH": str(length), "CONTENT_TYPE": content_type, "wsgi.input": Unread()}
    return client.generic(method, path, b"", content_type, **headers)


def too_large(limit: str) -> dict[str, str]:
    return {"detail": f"The request is too large; the limit is {limit}.", "code": "too_large"}


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("path", AUTH)
def test_strangers_send_some_kib(anonymous: APIClient, path: str, content_type: str) -> None:
    response = post(anonymous, path, content_type, 16 * KIB + 1)

    assert (response.status_code, response.json()) == (413, too_large("16 KiB"))
    assert response["Connection"] == "close"


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("path", ["/admin/login/", "/admin/", "/admin/videos/videojob/"])
def test_strangers_send_the_admin_some_kib(anonymous: APIClient, path: str, content_type: str) -> None:
    assert post(anonymous, path, content_type, 16 * KIB + 1).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "limits"),
    [
        ("POST", "/api/v1/looks", {URLENCODED: 100 * KIB, "application/json": None, MULTIPART: None}),
        ("PATCH", "/api/v1/looks/x", {URLENCODED: 100 * KIB, "application/json": None, MULTIPART: None}),
        ("POST", "/api/v1/video-jobs", {URLENCODED: 100 * KIB, "application/json": MIB, MULTIPART: None}),
        ("DELETE", "/api/v1/video-jobs/x", {URLENCODED: 100 * KIB, "text/plain": MIB, MULTIPART: None}),
    ],
)
def test_limit_follows_from_route_and_type(
    make_user: MakeUser, sign_in: SignIn, method: str, path: str, limits: dict[str, int | None]
) -> None:
    client = sign_in(make_user())

    for content_type, limit in limits.items():
        most = settings.REQUEST_MAX_BYTES if limit is None else limit
        assert post(client, path, content_type, most + 1, method).status_code == 413
        with pytest.raises(AssertionError, match="the body was read"):  # it is let in
            post(client, path, content_type, most, method)


def test_strangers_find_no_endpoint_with_a_larger_limit() -> None:
    found = {
        route: view.cls.body_limits
        for route, view in routes.all_routes()
        if f"/{route}".startswith(routes.ROOT)
        and routes.is_api(view)
        and IsAuthenticated not in view.cls.permission_classes
    }

    assert {route for route, limits in found.items() if limits != bodies.FOR_ANONYMOUS} == set()
    assert len(found) == len(AUTH)


@pytest.mark.parametrize("charset", ["zlib", "base64", "rot13", "undefined", "idna"])
def test_encoding_that_is_none_of_text_is_refused(anonymous: APIClient, charset: str) -> None:
    response = anonymous.generic("POST", "/api/v1/auth/token", b"\xff{}", f"application/json; charset={charset}")

    detail = "The body is not valid JSON: it is not in the encoding that Content-Type names."
    assert (response.status_code, response.json()) == (400, {"detail": detail, "code": "parse_error"})
