"""Our pages: one document, in two languages, that loads nothing but our own files."""

import gzip
import re
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from studio.env import PROJECT
from tests.studio.http.test_headers import policy

ID = "550e8400-e29b-41d4-a716-446655440000"
PATHS = (
    *("/", "/sign-in", "/sign-in/google", "/register", "/forgot-password", "/reset-password", "/verify-email"),
    *("/looks", "/looks/new", f"/looks/{ID}", "/videos", f"/videos/{ID}", "/create"),
    *("/account", "/account/tokens", "/account/sessions", "/account/keys", "/account/webhooks", "/account/data"),
)
LOADED = re.compile(r'(?:src|href|poster)="([^"]+)"')
PLACE = re.compile(r"/(?!/)[\w/?=,-]*|#[\w-]+")  # a page of this server, or a part of this one
pytestmark = pytest.mark.django_db  # Django asks the connection for its state when a file is sent
STATIC = PROJECT / "studio" / "static" / "site"


@pytest.fixture
def client() -> Client:
    return Client(headers={"Accept-Language": "en"})


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_the_document(client: Client, path: str) -> None:
    shown, headers = client.get(path), client.head(path)

    assert (shown.status_code, headers.status_code) == (200, 200)
    assert shown["Content-Type"] == "text/html; charset=utf-8"
    assert ("Your looks, in motion" in shown.content.decode()) is (path == "/")


def test_routes_of_the_browser_are_those_of_the_server() -> None:
    module = (STATIC / "app.js").read_text()
    routes = re.findall(r"""^  \[["`](/\S*)["`], "([\w-]+)", "\w+"\],$""", module, re.MULTILINE)
    patterns = [re.compile(paths.replace("${ID}", "[0-9a-fA-F-]{36}")) for paths, _ in routes]

    assert len(routes) > 10
    assert [path for path in PATHS if not any(pattern.fullmatch(path) for pattern in patterns)] == []
    assert [module for _, module in routes if not (STATIC / "pages" / f"{module}.js").exists()] == []


@pytest.mark.parametrize("path", ["/looks/x", "/account/other", "/looks/new/x", "/site/texts/fr.js"])
def test_other_paths_are_not_found(client: Client, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "no_such_endpoint")


@pytest.mark.parametrize("path", ["/", "/looks", "/site/texts/de.js"])
def test_other_methods_are_refused_as_json(client: Client, path: str) -> None:
    response = client.post(path)

    assert (response.status_code, response["Allow"], response.json()) == (
        405,
        "GET, HEAD",
        {"detail": "This URL accepts GET only.", "code": "method_not_allowed"},
    )


def test_document_loads_our_files_only_and_all_of_them_exist(client: Client) -> None:
    loaded = LOADED.findall(client.get("/").content.decode())

    files = [url for url in loaded if url.startswith(("/static/", "/site/", "/favicon"))]
    assert len(files) > 10
    assert [url for url in loaded if url not in files and not PLACE.fullmatch(url)] == []
    for url in files:
        response = client.get(url, follow=True)
        assert (url, response.status_code) == (url, 200)
        response.close()


def test_document_has_no_script_or_style_of_its_own(client: Client) -> None:
    html = client.get("/").content.decode()

    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", html) == []


def test_policy_lets_nothing_run_but_our_files(client: Client, settings: Any) -> None:
    settings.EXTERNAL_FILE_HOSTS, settings.LIVE_URL = ["files.example.com"], "https://live.example.com"

    found = policy(client.get("/"))

    files = ["'self'", "blob:", "https://files.example.com"]
    assert found == {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'", "https://live.example.com"],
        "img-src": files,
        "media-src": files,
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "fr", "en"),
        ("", "", "en"),
        ("en", "de", "en"),
        ("de", "en", "de"),
        ("xx", "de", "de"),
    ],
)
def test_language_is_that_of_the_cookie_or_the_browser(cookie: str, accepted: str, language: str) -> None:
    client = Client(headers={"Accept-Language": accepted})
    if cookie:
        client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = cookie

    response = client.get("/")

    html = response.content.decode()
    assert response["Content-Language"].partition("-")[0] == language
    assert ("Ihre Looks in Bewegung" in html) is (language == "de")
    assert f"/site/texts/{language}.js" in html
    assert {"Accept-Language", "Cookie"} <= {name.strip() for name in response["Vary"].split(",")}


def test_texts_are_translated(client: Client) -> None:
    german, english = (client.get(f"/site/texts/{language}.js") for language in ("de", "en"))

    assert german["Content-Type"].startswith("text/javascript")
    assert "fast fertig" in german.content.decode()
    assert "fast fertig" not in english.content.decode()


def test_api_stays_english() -> None:
    response = Client(headers={"Accept-Language": "de"}).post("/api/v1/auth/register", {"email": "x"})

    assert response.json()["errors"] == {
        "email": ["Enter a valid email address."],
        "password": ["This field is required."],
    }


def test_document_names_the_prefix(client: Client, settings: Any) -> None:
    settings.BASE_PATH = "/AIStudio"

    assert 'data-base="/AIStudio"' in client.get("/AIStudio/videos").content.decode()


def test_production_offers_no_demo(client: Client, settings: Any) -> None:
    assert "try-demo" in client.get("/").content.decode()

    settings.PRODUCTION, settings.REGISTRATION_OPEN = True, False

    html = client.get("/").content.decode().partition("<template")[0]
    assert "try-demo" not in html
    assert "/register" not in html


def test_document_is_sent_compressed(client: Client) -> None:
    plain, packed = client.get("/looks"), client.get("/looks", headers={"Accept-Encoding": "gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed["Vary"]
    assert gzip.decompress(packed.content) == plain.content
