"""A request to an unknown path gets the most similar endpoint as a hint; doubled slashes are accepted."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from studio.api import routes
from tests.conftest import MakeUser, SignIn

JOBS = "/api/v1/video-jobs"
ID, LOOK = "550e8400-e29b-41d4-a716-446655440000", "9b8322e4-7c38-4675-b86f-f2c68f8f13e9"

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    ("path", "hint"),
    [
        # the two that clients guess most, and the right ones
        (f"/api/v1/looks/{LOOK}/videos/{ID}", f"Use GET or DELETE {JOBS}/{ID}."),
        (f"/api/v1/looks/{LOOK}/videos/{ID}/set-default", f"Use PATCH {JOBS}/{ID}/set-default-for-look/{LOOK}."),
        (f"/api/v1/looks/{LOOK}/videos", f"Use GET {JOBS}?lookId={LOOK}."),
        # near misses
        ("/api/v1/video-job", f"Did you mean {JOBS}?"),
        ("/api/v1/video_jobs", f"Did you mean {JOBS}?"),
        ("/api/v1/videoJobs", f"Did you mean {JOBS}?"),
        ("/api/v1/Video-Jobs", f"Did you mean {JOBS}?"),
        ("/api/v1/videos", f"Did you mean {JOBS}?"),
        ("/api/v2/video-jobs", f"Did you mean {JOBS}?"),
        ("/api/video-jobs", f"Did you mean {JOBS}?"),
        ("/video-jobs", f"Did you mean {JOBS}?"),
        (f"/api/v1/video-job/{ID}/download", f"Did you mean {JOBS}/{ID}/download?"),
        (f"/api/v1/video-jobs/{ID}/set-default", f"Did you mean {JOBS}/{ID}/set-default-for-look/{{look_id}}?"),
        (f"/api/v1/look/{LOOK}", f"Did you mean /api/v1/looks/{LOOK}?"),
        ("/api/v1/auth/login", "Did you mean /api/v1/auth/token?"),
        ("/api/v1/docs", "Did you mean /docs?"),
        ("/api/v1/openapi.json", "Did you mean /openapi.json?"),
        # far from everything
        ("/api/v1/migrate/look-videos", "/docs lists all of them."),
        ("/nothing", "/docs lists all of them."),
        ("/\\x00", "/docs lists all of them."),
        ("/api/v1", "/docs lists all of them."),
    ],
)
def test_unknown_path_is_answered_with_a_suggestion(client: Client, method: str, path: str, hint: str) -> None:
    response = client.generic(method, path)

    assert (response.status_code, response.json()) == (
        404,
        {"detail": f"There is no endpoint {path}. {hint}", "code": "no_such_endpoint"},
    )


def test_long_path_is_shortened_in_the_message(client: Client) -> None:
    response = client.get(f"/api/v1/video-jobs/{'x/' * 2000}")

    assert response.json()["detail"] == f"There is no endpoint {JOBS}/{'x/' * 90}x…. /docs lists all of them."


def test_hint_carries_the_prefix(client: Client, settings: Any) -> None:
    settings.BASE_PATH = "/AIStudio"

    near, known = client.get("/AIStudio/api/v1/look"), client.get(f"/AIStudio/api/v1/looks/{LOOK}/videos")
    far = client.get("/AIStudio/nothing")

    assert [response.json()["detail"] for response in (near, known, far)] == [
        "There is no endpoint /AIStudio/api/v1/look. Did you mean /AIStudio/api/v1/looks?",
        f"There is no endpoint /AIStudio/api/v1/looks/{LOOK}/videos. Use GET /AIStudio{JOBS}?lookId={LOOK}.",
        "There is no endpoint /AIStudio/nothing. /AIStudio/docs lists all of them.",
    ]


def test_every_endpoint_is_nearest_to_itself() -> None:
    known = [route for route, view in routes.all_routes() if routes.is_api(view) and route.startswith("api/")]

    paths = [f"/{route.replace('<str:pk>', ID).replace('<str:look_id>', LOOK)}" for route in known]

    assert {path: routes.nearest(path) for path in paths} == {path: path for path in paths}


def test_unknown_object_is_not_an_unknown_path(make_user: MakeUser, sign_in: SignIn, client: Client) -> None:
    job, file = sign_in(make_user()).get(f"{JOBS}/{ID}"), client.get("/media/nothing.png")

    assert [(response.status_code, response.json()["code"]) for response in (job, file)] == [(404, "not_found")] * 2


# -- Slashes


@pytest.mark.parametrize(
    "path",
    [
        *("//api/v1/video-jobs", "/api//v1/video-jobs", "/api/v1//video-jobs", "///api///v1///video-jobs///"),
        *("/api/v1/%2Fvideo-jobs", "/AIStudio//api/v1/video-jobs", "//AIStudio/api/v1//video-jobs"),
    ],
)
def test_doubled_slashes_are_one(make_user: MakeUser, sign_in: SignIn, settings: Any, path: str) -> None:
    settings.BASE_PATH = "/AIStudio"
    client = sign_in(make_user())
    form = {"mockMode": "true", "prompt": "x"}

    made = client.post(path, form, format="multipart", **sent_as(path))
    one = f"{path.rstrip('/')}//{made.json()['id']}"
    asked = [client.generic(method, one, **sent_as(one)) for method in ("GET", "OPTIONS", "PUT", "DELETE", "GET")]
    listed = client.get(path, **sent_as(path))

    assert (made.status_code, [response.status_code for response in asked]) == (202, [200, 200, 405, 204, 404])
    assert (listed.status_code, listed.json()["total"]) == (200, 0)


def sent_as(path: str) -> dict[str, Any]:
    """The environ of the request; the test client would read "//api" as a host."""
    return {"PATH_INFO": path.replace("%2F", "/")}


@pytest.mark.parametrize("path", ["//docs", "/openapi.json", "//openapi.json", "//healthz"])
def test_pages_accept_doubled_slashes(client: Client, path: str) -> None:
    assert client.get("/", **sent_as(path)).status_code == 200


@pytest.mark.parametrize("path", ["//admin/", "//admin//", "///admin/login/", "//AIStudio//admin/"])
def test_admin_has_one_spelling(client: Client, settings: Any, path: str) -> None:
    settings.BASE_PATH = "/AIStudio"

    response = client.get("/", **sent_as(path))

    assert (response.status_code, response.json()["code"]) == (404, "no_such_endpoint")


# -- Methods


@pytest.mark.parametrize("signed_in", [True, False])
def test_options_names_the_methods_and_nothing_else(make_user: MakeUser, sign_in: SignIn, signed_in: bool) -> None:
    client = sign_in(make_user()) if signed_in else APIClient()

    responses = {
        path: client.options(path) for path in (JOBS, f"{JOBS}/{ID}", f"{JOBS}/{ID}/download", "/openapi.json")
    }

    assert {
        path: (response.status_code, response.content, response["Allow"]) for path, response in responses.items()
    } == {
        JOBS: (200, b"", "GET, POST, HEAD, OPTIONS"),
        f"{JOBS}/{ID}": (200, b"", "GET, DELETE, HEAD, OPTIONS"),
        f"{JOBS}/{ID}/download": (200, b"", "GET, HEAD, OPTIONS"),
        "/openapi.json": (200, b"", "GET, HEAD, OPTIONS"),
    }


def test_wrong_method_names_the_right_ones(make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user()).put(JOBS, {"title": "x"}, content_type="text/xml")

    assert (response.status_code, response["Allow"], response.json()) == (
        405,
        "GET, POST, HEAD, OPTIONS",
        {"detail": "This URL accepts GET or POST only.", "code": "method_not_allowed"},
    )
