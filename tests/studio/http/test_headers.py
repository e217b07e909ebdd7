"""The security headers of each part of the site."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from studio.env import PROJECT
from tests.conftest import MakeUser, SignIn

SECRETS = {
    "SECRET_KEY": "a-secret-of-this-check-alone-" * 2,
    "JWT_SIGNING_KEY": "a-signing-key-of-this-check-alone-" * 2,
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "ALLOWED_HOSTS": "studio.example.com",
    "TRUST_PROXY": "true",
    "PROXY_COUNT": "1",
    "GEMINI_API_KEY": "for the check only",
    "EMAIL_URL": "smtp://mail.example.com",
    "EMAIL_FROM": "studio@example.com",
    "FRONTEND_URL": "https://app.example.com",
}


def policy(response: Any) -> dict[str, list[str]]:
    parts = (part.split() for part in response["Content-Security-Policy"].split(";"))
    return {part[0]: part[1:] for part in parts}


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/healthz", "/nothing", "/openapi.json", "/static/nothing.svg"])
def test_data_may_do_nothing(db: None, client: Client, path: str) -> None:
    response = client.get(path)

    assert policy(response)["default-src"] == policy(response)["frame-ancestors"] == ["'none'"]
    assert "script-src" not in policy(response)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs?script="])
def test_documentation_runs_files_of_this_host_only(db: None, client: Client, path: str) -> None:
    response = client.get(path)

    assert policy(response)["script-src"] == policy(response)["connect-src"] == ["'self'"]
    assert "<script>" not in response.content.decode()


def test_admin_runs_no_script_of_a_page(make_user: MakeUser, client: Client) -> None:
    client.force_login(make_user(staff=True))

    assert policy(client.get("/admin/"))["script-src"] == ["'self'", "'unsafe-eval'"]
    assert "'unsafe-inline'" in policy(client.get("/admin/rq/"))["script-src"]


def test_uploaded_file_never_runs(db: None, client: Client) -> None:
    name = default_storage.save("looks/x.png", ContentFile(b"<script>alert(1)</script>"))

    response = client.get(f"/media/{name}")

    assert (response.status_code, response["Content-Type"], response["X-Content-Type-Options"]) == (
        200,
        "image/png",
        "nosniff",
    )
    assert policy(response)["default-src"] == ["'none'"]
    assert policy(response)["sandbox"] == ["allow-same-origin"]  # no scripts, no forms


def test_private_responses_are_not_cached(make_user: MakeUser, sign_in: SignIn) -> None:
    assert sign_in(make_user()).get("/api/v1/auth/me")["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/media/../db.sqlite3", "/media/%2e%2e/db.sqlite3", "/media//etc/passwd.png", "/media/..%2f..%2fx.png"]
)
def test_media_stays_in_its_folder(db: None, client: Client, path: str) -> None:
    (Path(default_storage.location).parent / "x.png").write_bytes(b"secret")

    assert client.get(path).status_code == 404


def test_sign_in_page_leads_nowhere_else(make_user: MakeUser, client: Client) -> None:
    make_user(staff=True)
    form = {"username": "ann@example.com", "password": "a-long-enough-passphrase", "next": "https://evil.example/"}

    response = client.post("/admin/login/", form)

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_cookies_are_for_the_admin_alone(make_user: MakeUser, client: Client) -> None:
    make_user(staff=True)
    client.post("/admin/login/", {"username": "ann@example.com", "password": "a-long-enough-passphrase"})

    cookie = client.cookies["sessionid"]

    assert (cookie["path"], cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (
        "/admin/",
        True,
        "Lax",
        12 * 3600,
    )


def manage(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={**os.environ, "DATA_DIR": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_production_settings_leave_nothing_to_say(tmp_path: Path) -> None:
    checked = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION, **SECRETS)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.slow
def test_production_without_mails_gets_a_warning(tmp_path: Path) -> None:
    checked = manage(
        tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | {"EMAIL_URL": ""}, **SECRETS
    )

    assert (checked.returncode, "studio.W004" in checked.stderr) == (1, True)


@pytest.mark.slow
def test_production_without_a_proxy_gets_a_warning(tmp_path: Path) -> None:
    checked = manage(
        tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | {"TRUST_PROXY": ""}, **SECRETS
    )

    assert (checked.returncode, "studio.W002" in checked.stderr) == (1, True)


def test_plain_http_is_sent_to_https_but_not_the_load_balancer(db: None, client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    get: Callable[..., Any] = Client().get  # SecurityMiddleware reads its settings when it is made

    assert get("/docs")["Location"] == "https://testserver/docs"
    assert get("/healthz").status_code == 200
    assert get("/docs", secure=True).status_code == 200
