"""A body that broke off is refused, at every endpoint and whatever its type, and has changed nothing."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import User
from looks import use_cases
from looks.models import Look
from studio.api import routes
from studio.http import bodies
from studio.http.bodies import IncompleteBody
from tests.conftest import PASSWORD, MakeUser, SignIn
from videos.models import VideoJob

BOUNDARY = "----WebKitFormBoundaryAbC123"
WRITING = ("post", "put", "patch", "delete")
REFUSED = {"detail": IncompleteBody.message, "code": "incomplete_body"}
WITHOUT_END = {"detail": bodies.WITHOUT_END, "code": "incomplete_body"}

pytestmark = pytest.mark.django_db


class Endpoint(NamedTuple):
    """One that writes."""

    method: str
    route: str


def writing_endpoints() -> Iterator[Endpoint]:
    for route, view in routes.all_routes():
        if routes.is_api(view):
            methods = getattr(view, "actions", None) or vars(view.cls)
            yield from (Endpoint(method.upper(), route) for method in WRITING if method in methods)


ENDPOINTS = sorted(writing_endpoints())
# Valid fields of each endpoint; a new endpoint gets an unknown field.
FIELDS = {
    "auth/register": {"email": "new@example.com", "password": PASSWORD},
    "auth/token": {"email": "ann@example.com", "password": PASSWORD},
    "auth/token/refresh": {"refresh": ""},
    "auth/token/revoke": {"refresh": ""},
    "looks": {"title": "Stone Essence", "notes": "of linen and silk"},
    "looks/<str:pk>": {"title": "Stone Essence", "notes": "of linen and silk"},
    "video-jobs": {"mockMode": "true", "prompt": "A long red dress of silk", "durationSeconds": "4"},
}


def multipart(fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
        f"Content-Type: image/png\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    return out.getvalue()


def body_of(kind: str, fields: dict[str, str], files: dict[str, bytes]) -> tuple[str, bytes]:
    """The header and the bytes of a body of this kind."""
    if kind == "multipart":
        return f"multipart/form-data; boundary={BOUNDARY}", multipart(fields, files)
    if kind == "urlencoded":
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    if kind == "json":
        return "application/json", json.dumps(fields).encode()
    return {"text": "text/plain", "untyped": ""}[kind], json.dumps(fields).encode()


def everything() -> dict[str, Any]:
    """Each row of each table."""
    models = [model for model in apps.get_models() if model._meta.managed]
    return {model._meta.label: list(model._base_manager.order_by("pk").values()) for model in models}


class World(NamedTuple):
    """Rows for the endpoints, and a client that may change them."""

    client: APIClient
    ann: User
    look: Look
    job: VideoJob
    media: Path

    def path_of(self, route: str) -> str:
        pk = self.look.pk if route.startswith(f"{routes.ROOT[1:]}looks/") else self.job.pk
        return f"/{route}".replace("<str:pk>", str(pk)).replace("<str:look_id>", str(self.look.pk))

    def state(self) -> tuple[dict[str, Any], list[Path]]:
        return everything(), sorted(self.media.rglob("*"))

    def ask(self, endpoint: Endpoint, content_type: str, body: bytes, *, length: int) -> Any:
        return self.client.generic(
            endpoint.method,
            self.path_of(endpoint.route),
            b"",
            content_type,
            **{"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(length), "CONTENT_TYPE": content_type},
        )


@pytest.fixture
def world(make_user: MakeUser, sign_in: SignIn, settings: Any, tmp_path: Path) -> World:
    settings.MEDIA_ROOT = tmp_path / "media"
    ann = make_user()
    client = sign_in(ann)
    look = use_cases.create_look(owner=ann, title="Ash")
    made = client.post(
        "/api/v1/video-jobs", {"mockMode": "true", "prompt": "x", "lookId": str(look.pk)}, format="multipart"
    )
    return World(client, ann, look, VideoJob.objects.get(pk=made.json()["id"]), settings.MEDIA_ROOT)


def fields_of(world: World, route: str) -> dict[str, str]:
    fields = FIELDS.get(route.removeprefix(routes.ROOT[1:]), {"field": "a value"})
    return {name: value or str(RefreshToken.for_user(world.ann)) for name, value in fields.items()}


def files_of(route: str) -> dict[str, bytes]:
    name = {"looks": "generatedImage", "looks/<str:pk>": "generatedImage", "video-jobs": "initialImage"}.get(
        route.removeprefix(routes.ROOT[1:])
    )
    return {name: picture()} if name else {}


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json", "text", "untyped"])
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[" ".join(endpoint) for endpoint in ENDPOINTS])
def test_cut_body_changes_nothing(world: World, endpoint: Endpoint, kind: str) -> None:
    content_type, body = body_of(kind, fields_of(world, endpoint.route), files_of(endpoint.route))
    cuts = sorted({0, 1, len(body) // 4, len(body) // 2, body.rfind(b"\r\n--"), len(body) - 2, len(body) - 1} - {-1})
    before = world.state()

    shorter_than_announced = [world.ask(endpoint, content_type, body[:cut], length=len(body)) for cut in cuts]

    assert [refusal(response) for response in shorter_than_announced] == [(400, "close", REFUSED)] * len(cuts)
    assert world.state() == before


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[" ".join(endpoint) for endpoint in ENDPOINTS])
def test_form_without_its_closing_boundary_changes_nothing(world: World, endpoint: Endpoint) -> None:
    content_type, body = body_of("multipart", fields_of(world, endpoint.route), files_of(endpoint.route))
    end = body.rfind(f"--{BOUNDARY}--".encode())
    cuts = [1, len(body) // 4, len(body) // 2, end, end + len(BOUNDARY) + 3]
    before = world.state()

    of_the_announced_length = [world.ask(endpoint, content_type, body[:cut], length=cut) for cut in cuts]

    assert [refusal(response) for response in of_the_announced_length] == [(400, "close", WITHOUT_END)] * len(cuts)
    assert world.state() == before


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json"])
def test_whole_body_is_taken(world: World, kind: str) -> None:
    statuses = {}
    for endpoint in ENDPOINTS:
        content_type, body = body_of(kind, fields_of(world, endpoint.route), files_of(endpoint.route))
        if endpoint.route.removeprefix(routes.ROOT[1:]) in FIELDS and endpoint.method != "DELETE":
            statuses[endpoint] = world.ask(endpoint, content_type, body, length=len(body)).status_code

    assert set(statuses.values()) <= {200, 201, 202, 204}, statuses
    assert len(statuses) >= len(FIELDS)


def test_retry_after_a_cut_has_its_key(world: World) -> None:
    content_type, body = body_of("multipart", FIELDS["video-jobs"], {})
    create = Endpoint("POST", "api/v1/video-jobs")
    world.client.credentials(**world.client._credentials, HTTP_IDEMPOTENCY_KEY="one")

    cut = world.ask(create, content_type, body[: len(body) // 2], length=len(body))
    retry = world.ask(create, content_type, body, length=len(body))

    assert (refusal(cut), retry.status_code) == ((400, "close", REFUSED), 202)
    assert retry.json()["prompt"] == FIELDS["video-jobs"]["prompt"]


def test_type_of_a_body_without_a_body_is_no_cut_body(world: World) -> None:
    path = f"/api/v1/video-jobs/{world.job.pk}"

    response: Any = world.client.generic("DELETE", path, b"", f"multipart/form-data; boundary={BOUNDARY}")

    assert (response.status_code, VideoJob.objects.exists()) == (204, False)


@pytest.mark.parametrize("length", [9, 60_000_000])
def test_request_that_is_refused_is_not_read(anonymous: APIClient, length: int) -> None:
    class Unread:
        """A body that must not be waited for."""

        def read(self, size: int = -1) -> bytes:
            raise AssertionError

        readline = read

    extra: Any = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)}
    response = anonymous.generic("POST", "/api/v1/video-jobs", b"", "application/json", **extra)

    assert response.status_code == (401 if length == 9 else 413)


# -- The admin's forms


@pytest.fixture
def boss(make_user: MakeUser) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user("boss@example.com", staff=True))
    return client


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "text"])
@pytest.mark.parametrize("page", ["login/", "logout/", "looks/look/{look}/change/", "looks/look/{look}/delete/"])
def test_cut_form_of_the_admin_changes_nothing(world: World, boss: Client, page: str, kind: str) -> None:
    content_type, body = body_of(kind, {"title": "Stone Essence", "visibility": "public", "post": "yes"}, {})
    path = f"/admin/{page.format(look=world.look.pk)}"
    before = world.state()

    responses = [
        boss.generic(
            "POST",
            path,
            b"",
            content_type,
            **{"wsgi.input": io.BytesIO(body[:cut]), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type},
        )
        for cut in (0, len(body) // 2, len(body) - 1)
    ]

    assert [refusal(response) for response in responses] == [(400, "close", REFUSED)] * 3
    assert world.state() == before
    assert boss.get("/admin/").status_code == 200  # still signed in


def refusal(response: Any) -> tuple[int, str | None, Any]:
    return response.status_code, response.get("Connection"), response.json()
