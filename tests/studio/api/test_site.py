"""The site around the API: documentation, prefixes, slashes, CORS, and unexpected requests."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from studio.checks import client_addresses_are_known
from studio.env import PROJECT
from studio.observability.log import LineFormatter
from tests.conftest import MakeUser, SignIn

JOBS = "/api/v1/video-jobs"
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/"])
def test_documentation_needs_no_other_host(client: Client, path: str) -> None:
    page = client.get(path)

    html = page.content.decode()
    loaded = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", html)
    assert page.status_code == 200
    assert loaded
    assert [url for url in loaded if url.startswith(("http:", "https:", "//"))] == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_finds_its_own_files(client: Client, path: str) -> None:
    html = client.get(path).content.decode()

    files = [url for url in re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", html) if url.startswith("/static/")]
    assert files
    for url in files:
        response = client.get(url)
        assert (url, response.status_code) == (url, 200)
        response.close()


def test_schema_offers_every_field_of_a_video_job(client: Client) -> None:
    schema = client.get("/openapi.json").json()

    operation = schema["paths"]["/api/v1/video-jobs"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    component = schema["components"]["schemas"][form]
    assert schema["openapi"].startswith("3.")
    assert component["required"] == ["mockMode"]
    assert set(component["properties"]) >= {
        "prompt",
        "model",
        "resolution",
        "aspectRatio",
        "durationSeconds",
        "generateAudio",
        "mockMode",
        "initialImage",
        "endFrame",
        "referenceImages",
    }


@pytest.mark.parametrize("path", ["/healthz", "/healthz/"])
def test_alive(client: Client, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("slash", ["", "/", "//"])
def test_trailing_slash_answers_the_same(make_user: MakeUser, sign_in: SignIn, slash: str) -> None:
    response = sign_in(make_user()).post(f"{JOBS}{slash}", {"mockMode": "true", "prompt": "x"}, format="multipart")

    assert response.status_code == 202


@pytest.mark.parametrize("prefix", ["", "/AIStudio"])
def test_prefix_may_be_left_on_or_taken_off(client: Client, settings: Any, prefix: str) -> None:
    settings.BASE_PATH = "/AIStudio"

    assert client.get(f"{prefix}/healthz").json() == {"status": "ok"}


def test_prefix_is_no_prefix_of_a_longer_word(client: Client, settings: Any) -> None:
    settings.BASE_PATH = "/AIStudio"

    assert client.get("/AIStudioX/healthz").status_code == 404


def test_wrong_method_is_a_405_in_our_shape(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).put(JOBS, {})

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_wrong_media_type_is_a_415_in_our_shape(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).post(JOBS, "<x/>", content_type="text/xml")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_body_over_the_limit_is_refused_unread(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.REQUEST_MAX_BYTES = settings.MIB

    response = sign_in(make_user()).post(JOBS, "x" * (settings.MIB + 1), content_type="application/json")

    assert (response.status_code, response.json()) == (
        413,
        {"detail": "The request is too large; the limit is 1 MiB.", "code": "too_large"},
    )


def test_crash_is_a_500_without_a_traceback(make_user: MakeUser, sign_in: SignIn, settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK}
    client = sign_in(make_user())
    client.raise_request_exception = False
    settings.SIGNUP_TOKENS = object()  # no number: makes registration fail inside

    response = client.post("/api/v1/auth/register", {"email": "x@example.com", "password": "a-long-enough-passphrase"})

    assert (response.status_code, response.json()) == (
        500,
        {"detail": "Something went wrong on our side. Please try again later.", "code": "server_error"},
    )


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic abc", "Bearer a b"])
def test_bad_token_is_a_401_that_names_the_scheme(db: None, token: str) -> None:
    response = APIClient().get(JOBS, headers={"Authorization": token} if token else {})

    assert (response.status_code, response["WWW-Authenticate"].split()[0]) == (401, "Bearer")
    assert set(response.json()) == {"detail", "code"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme_of_the_token_is_read_in_any_case(make_user: MakeUser, settings: Any, scheme: str) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    token = AccessToken.for_user(make_user())

    listed = APIClient().get(JOBS, headers={"Authorization": f"{scheme} {token}"})
    measured = APIClient().get("/metrics", headers={"Authorization": f"{scheme}  metrics-token"})

    assert (listed.status_code, measured.status_code) == (200, 200)


def test_empty_json_bodies_are_welcome(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).generic("GET", JOBS, "", content_type="application/json")

    assert response.status_code == 200


def preflight(client: Client, origin: str) -> Any:
    return client.options(
        JOBS,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,idempotency-key,sentry-trace",
        },
    )


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:5173", "https://localhost", "http://127.0.0.1:3000", "http://[::1]:8080"),
        *("http://10.0.0.7:5173", "http://172.16.0.1", "http://172.31.255.254:80", "https://192.168.178.20:3000"),
        *("http://macbook.local:5173", "http://dev.macbook.local"),
    ],
)
def test_browser_may_ask_from_this_and_private_networks(client: Client, origin: str) -> None:
    response = preflight(client, origin)

    allowed = {name.strip() for name in response["Access-Control-Allow-Headers"].split(",")}
    assert response["Access-Control-Allow-Origin"] == origin
    assert allowed == {
        *("authorization", "content-type", "idempotency-key", "if-none-match", "last-event-id"),
        *("ngrok-skip-browser-warning", "x-request-id", "sentry-trace", "baggage", "traceparent"),
    }


def test_browser_may_read_our_headers(client: Client) -> None:
    response = client.get("/healthz", headers={"Origin": "http://localhost:3000"})

    exposed = {name.strip() for name in response["Access-Control-Expose-Headers"].split(",")}
    assert exposed == {"Retry-After", "Location", "X-Request-ID", "Content-Disposition", "Content-Range", "ETag"}


@pytest.mark.parametrize(
    "origin",
    [
        *("https://localhost.evil.example", "http://10.0.0.1.evil.example", "http://evil.example:10.0.0.1"),
        *("http://11.0.0.1", "http://172.15.0.1", "http://172.32.0.1", "http://192.169.0.1", "http://8.8.8.8"),
        *("http://local", "http://evillocal", "http://x.local.evil.example", "ftp://10.0.0.1", "null"),
    ],
)
def test_other_origin_may_not(client: Client, origin: str) -> None:
    page, asked = client.get("/healthz", headers={"Origin": origin}), preflight(client, origin)

    assert [("Access-Control-Allow-Origin" in response.headers) for response in (page, asked)] == [False, False]


@pytest.mark.slow
@pytest.mark.once
def test_private_networks_are_nothing_to_production(tmp_path: Path) -> None:
    secrets = {"SECRET_KEY": "s" * 64, "JWT_SIGNING_KEY": "j" * 64, "ALLOWED_HOSTS": "studio.example.com"}
    code = "from studio import settings; print(settings.CORS_ALLOWED_ORIGIN_REGEXES)"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENVIRONMENT": "production", **secrets}

    said = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )

    assert said.stdout == "[]\n"


@pytest.mark.parametrize(("given", "kept"), [("abc-123", True), ("", False), ("a b", False), ("x" * 65, False)])
def test_answer_has_a_request_id(client: Client, given: str, kept: bool) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})

    assert (response["X-Request-ID"] == given) is kept
    assert response["X-Request-ID"]


def test_log_lines_cannot_be_forged(client: Client) -> None:
    record = logging.makeLogRecord({"msg": "video failed", "reason": "x\n2026 INFO forged: line"})

    line = LineFormatter().format(record)

    assert "\n" not in line
    assert "video failed reason='x\\n2026 INFO forged: line'" in line


def test_schema_names_the_prefix(client: Client) -> None:
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/"}]


def test_trusted_proxy_has_to_be_counted(settings: Any) -> None:
    assert client_addresses_are_known(None) == []

    settings.USE_X_FORWARDED_HOST = True

    assert [message.id for message in client_addresses_are_known(None)] == ["studio.E001"]
