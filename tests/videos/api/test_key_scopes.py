"""Scopes of API keys: every URL of the API, every method, a key of every single scope."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from accounts.sign_in import api_keys
from studio.api.scopes import SCOPES
from tests.conftest import MakeUser

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
READS = {
    "videos:read": (
        "video-jobs",
        "video-jobs/<str:pk>",
        "video-jobs/<str:pk>/download",
        "video-jobs/events",
        "video-models",
        "webhooks",
        "webhooks/<str:pk>",
        "webhooks/<str:pk>/deliveries",
    ),
    "looks:read": ("looks", "looks/<str:pk>", "looks/<str:pk>/links"),
    "account:read": ("auth/me", "tokens", "tokens/ledger"),
}
WRITES = {
    "videos:read": {"POST video-jobs/events/ticket"},
    "videos:write": {
        "POST video-jobs",
        "POST video-jobs/<str:pk>/cancel",
        "POST video-jobs/<str:pk>/retry",
        "DELETE video-jobs/<str:pk>",
        "PATCH video-jobs/<str:pk>/set-default-for-look/<str:look_id>",
        "PATCH video-jobs/<str:pk>/unset-default-for-look/<str:look_id>",
        "POST webhooks",
        "PATCH webhooks/<str:pk>",
        "DELETE webhooks/<str:pk>",
        "POST webhooks/<str:pk>/rotate-secret",
        "POST webhooks/<str:pk>/test",
        "POST webhooks/<str:pk>/deliveries/<str:delivery_id>/retry",
    },
    "looks:write": {
        "POST looks",
        "PATCH looks/<str:pk>",
        "DELETE looks/<str:pk>",
        "POST looks/<str:pk>/links",
        "DELETE looks/<str:pk>/links/<str:link_id>",
    },
}

pytestmark = pytest.mark.django_db


def views(patterns: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each route below /api/v1/ that authenticates, with the class of its view."""
    for pattern in patterns:
        route = f"{path}{pattern.pattern}"
        view = getattr(getattr(pattern, "callback", None), "cls", None)
        if not isinstance(pattern, URLPattern):
            yield from views(pattern.url_patterns, route)
        elif route.startswith("api/v1/") and getattr(view, "authentication_classes", ()):
            yield route.removeprefix("api/v1/"), view


ROUTES = dict(views(get_resolver().url_patterns))


def key_with(user: Any, *scopes: str) -> APIClient:
    _, text = api_keys.create(user=user, name="script", scopes=scopes)
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")


def permitted(client: APIClient) -> tuple[set[str], set[tuple[int, str]]]:
    """The methods and routes that the client's key may use, and the kinds of refusals of all others."""
    allowed, refusals = set(), set()
    for route in ROUTES:
        url = "/api/v1/" + re.sub(r"<[^>]+>", str(uuid.uuid4()), route)
        for method in METHODS:
            response: Any = client.generic(method, url, "{}", "application/json")
            if response.status_code not in {401, 403, 405}:
                allowed.add(f"{method} {route}")
            elif method != "HEAD":  # which has no body
                refusals.add((response.status_code, response.json()["code"]))
    return allowed, refusals


@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_exactly_its_operations(make_user: MakeUser, scope: str) -> None:
    reads = {f"{method} {route}" for route in READS.get(scope, ()) for method in ("GET", "HEAD")}

    allowed, refusals = permitted(key_with(make_user(), scope))

    assert allowed == reads | WRITES.get(scope, set())
    assert refusals <= {(403, "key_scope"), (405, "method_not_allowed")}


def test_no_scope_opens_what_changes_accounts_and_keys(make_user: MakeUser) -> None:
    client = key_with(make_user(), *SCOPES)
    routes = [route for route, view in ROUTES.items() if view.scope is None]

    assert {"api-keys", "api-keys/<str:id>"} <= set(routes)
    for route in routes:
        url = "/api/v1/" + re.sub(r"<[^>]+>", str(uuid.uuid4()), route)
        for method in METHODS:
            response = client.generic(method, url, "{}", "application/json")
            assert (response.status_code, response["WWW-Authenticate"]) == (403, 'Bearer error="insufficient_scope"')


def test_refusal_names_the_scope_that_is_needed(make_user: MakeUser) -> None:
    client = key_with(make_user(), "videos:read", "looks:write")

    refused = [client.delete(f"/api/v1/video-jobs/{uuid.uuid4()}"), client.get("/api/v1/looks")]
    no_key = client.get("/api/v1/api-keys")

    assert [(one.status_code, one.json()["code"], one["WWW-Authenticate"]) for one in refused] == [
        (403, "key_scope", 'Bearer error="insufficient_scope", scope="videos:write"'),
        (403, "key_scope", 'Bearer error="insufficient_scope", scope="looks:read"'),
    ]
    assert refused[0].json()["detail"] == "The API key lacks the scope videos:write."
    assert no_key.json() == {"detail": "API keys are not accepted here. Sign in.", "code": "key_scope"}


def test_view_that_declares_no_scope_refuses_keys(make_user: MakeUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ROUTES["looks"], "scope")

    assert key_with(make_user(), *SCOPES).get("/api/v1/looks").status_code == 403


def test_schema_names_the_scope_of_each_operation() -> None:
    paths = APIClient().get("/openapi.json").json()["paths"]

    named: dict[str, set[str]] = {}
    for path, item in paths.items():
        route = re.sub(r"{(\w+)}", lambda found: f"<str:{'pk' if found[1] == 'id' else found[1]}>", path[8:])
        for method, operation in item.items():
            if scope := operation.get("x-required-scope"):
                named.setdefault(scope, set()).add(f"{method.upper()} {route}")
                assert operation["description"].endswith(f"Scope of API keys: `{scope}`.")

    assert named == {
        scope: {f"GET {route}" for route in READS.get(scope, ())} | WRITES.get(scope, set()) for scope in SCOPES
    }
