"""Every refusal has our error shape and an id, and the frontend's page may read it."""

import gzip
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import path
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from studio import urls
from tests.conftest import PASSWORD, MakeUser

JOBS = "/api/v1/video-jobs"
ORIGIN = "http://localhost:5173"

pytestmark = pytest.mark.django_db


def _crash(request: Any) -> None:
    raise ZeroDivisionError


urlpatterns = [path("crash", _crash), *urls.urlpatterns]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500

REFUSALS: list[tuple[str, int, str, dict[str, Any]]] = [
    ("bad host", 400, "bad_request", {"path": JOBS, "HTTP_HOST": "evil.example"}),
    ("bad json", 400, "parse_error", {"path": JOBS, "method": "POST", "data": "{", "auth": True}),
    ("no token", 401, "not_authenticated", {"path": JOBS}),
    ("bad token", 401, "token_invalid", {"path": JOBS, "HTTP_AUTHORIZATION": "Bearer x"}),
    ("unknown url", 404, "no_such_endpoint", {"path": "/api/v1/nothing"}),
    ("unknown job", 404, "not_found", {"path": f"{JOBS}/nothing", "auth": True}),
    ("method", 405, "method_not_allowed", {"path": JOBS, "method": "PUT", "auth": True}),
    ("odd method", 405, "method_not_allowed", {"path": JOBS, "method": "BREW", "auth": True}),
    ("chunks", 411, "length_required", {"path": JOBS, "method": "POST", "HTTP_TRANSFER_ENCODING": "chunked"}),
    ("too large", 413, "too_large", {"path": JOBS, "method": "POST", "CONTENT_LENGTH": "99999999999"}),
    (
        "gzip",
        415,
        "unsupported_encoding",
        {"path": JOBS, "method": "POST", "data": "x", "HTTP_CONTENT_ENCODING": "gzip"},
    ),
    ("bad length", 413, "too_large", {"path": JOBS, "method": "POST", "CONTENT_LENGTH": "-1"}),
    ("body's type", 415, "unsupported_media_type", {"path": JOBS, "method": "POST", "data": "x", "type": "text/xml"}),
    ("crash", 500, "server_error", {"path": "/crash"}),
]


@pytest.mark.parametrize(("status", "code", "how"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_every_refusal_alike(make_user: MakeUser, settings: Any, status: int, code: str, how: dict[str, Any]) -> None:
    settings.ALLOWED_HOSTS, settings.ROOT_URLCONF = ["testserver"], __name__
    how = {"method": "GET", "data": "", "type": "application/json"} | how
    extra = {name: value for name, value in how.items() if name.isupper()}
    if how.get("auth") or how["type"] == "text/xml":
        extra["HTTP_AUTHORIZATION"] = f"Bearer {AccessToken.for_user(make_user())}"
    client = APIClient(raise_request_exception=False, HTTP_ORIGIN=ORIGIN, HTTP_X_REQUEST_ID="abc-123")

    response: Any = client.generic(how["method"], how["path"], how["data"], how["type"], **extra)

    body = json.loads(response.content)
    assert (response.status_code, body["code"], sorted(body)) == (status, code, ["code", "detail"])
    assert response["X-Request-ID"] == "abc-123"
    assert response["Access-Control-Allow-Origin"] == ORIGIN
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "Traceback" not in body["detail"]


def test_bad_host_is_refused_before_a_redirect_to_it(settings: Any) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], True

    response = Client(HTTP_X_REQUEST_ID="abc-123").get("/docs", HTTP_HOST="evil.example")

    assert (response.status_code, response.json()["code"], response["X-Request-ID"]) == (400, "bad_request", "abc-123")


# -- The type and the coding of a body

JSON_HINT = "For JSON, send the header Content-Type: application/json"


@pytest.mark.parametrize(
    ("content_type", "status", "code", "detail"),
    [
        (
            "text/plain",
            415,
            "unsupported_media_type",
            f"A body of the type text/plain is not supported. {JSON_HINT}; or ",
        ),
        ("", 415, "unsupported_media_type", f"A body without a type is not supported. {JSON_HINT}; or send a form."),
        (
            "application/x-www-form-urlencoded",
            400,
            "parse_error",
            f"The body is JSON but was sent as a form. {JSON_HINT}",
        ),
        (
            "multipart/form-data",
            400,
            "parse_error",
            "Content-Type: multipart/form-data needs a boundary; let your HTTP ",
        ),
    ],
)
@pytest.mark.parametrize("body", ['{"email": "ann@example.com", "password": "x"}', ' [{"mockMode": true}]'])
@pytest.mark.parametrize("path", [JOBS, "/api/v1/looks", "/api/v1/auth/token", "/api/v1/auth/register"])
def test_json_without_its_type_is_refused_with_the_header(
    make_user: MakeUser, path: str, body: str, content_type: str, status: int, code: str, detail: str
) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(make_user())}")

    response: Any = client.generic("POST", path, body, content_type, CONTENT_TYPE=content_type)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["detail"].startswith(detail)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"])
@pytest.mark.parametrize("path", [JOBS, "/api/v1/auth/token", "/admin/login/"])
def test_compressed_body_is_refused(client: Client, path: str, coding: str) -> None:
    response = client.post(path, gzip.compress(b"{}"), "application/json", headers={"Content-Encoding": coding})

    assert (response.status_code, response["Accept-Encoding"], response["Connection"], response.json()) == (
        *(415, "identity", "close"),
        {"detail": "Send the body uncompressed, without Content-Encoding.", "code": "unsupported_encoding"},
    )


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_body_as_it_is_may_say_so(make_user: MakeUser, client: Client, coding: str) -> None:
    make_user()
    form = {"email": "ann@example.com", "password": PASSWORD}

    response = client.post("/api/v1/auth/token", form, "application/json", headers={"Content-Encoding": coding})

    assert response.status_code == 200


def test_coding_of_no_body_is_no_matter(client: Client) -> None:
    assert client.get("/healthz", headers={"Content-Encoding": "gzip"}).status_code == 200
