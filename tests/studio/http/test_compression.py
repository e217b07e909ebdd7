"""JSON is compressed where that pays, and nothing else is."""

import gzip
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.test import APIClient

from accounts.models import User
from looks import use_cases
from studio.http.compression import LEAST_BYTES, CompressionMiddleware, takes_gzip
from tests.conftest import PASSWORD, MakeUser, SignIn

GZIP = {"Accept-Encoding": "gzip, deflate, br"}
LOOKS = "/api/v1/looks"


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.fixture
def client_of_ann(ann: User, sign_in: SignIn) -> APIClient:
    for number in range(5):
        use_cases.create_look(owner=ann, title=f"Look {number}", notes="of linen and silk " * 20)
    return sign_in(ann)


def varies_with_the_coding(response: Any) -> bool:
    return "Accept-Encoding" in [name.strip() for name in response.get("Vary", "").split(",")]


@pytest.mark.parametrize("path", [LOOKS, "/openapi.json"])
def test_long_json_is_compressed_for_clients_that_accept_it(client_of_ann: APIClient, path: str) -> None:
    plain, packed = client_of_ann.get(path), client_of_ann.get(path, headers=GZIP)

    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) * 3 < len(plain.content)
    assert (packed["Content-Encoding"], packed["Content-Length"]) == ("gzip", str(len(packed.content)))
    assert ("Content-Encoding" in plain, plain["Content-Length"]) == (False, str(len(plain.content)))
    assert (varies_with_the_coding(plain), varies_with_the_coding(packed)) == (True, True)
    assert packed["Content-Type"] == plain["Content-Type"]


def test_head_has_the_length_of_the_plain_body(client_of_ann: APIClient) -> None:
    plain, head = client_of_ann.get(LOOKS), client_of_ann.head(LOOKS, headers=GZIP)

    assert ("Content-Encoding" in head, head["Content-Length"]) == (False, plain["Content-Length"])


def test_tokens_are_never_compressed(ann: User, client: Client) -> None:
    form = {"email": ann.email, "password": PASSWORD}

    responses = [
        client.post("/api/v1/auth/token", form, "application/json", headers=GZIP),
        client.post("/api/v1/auth/token", {"email": "x" * 3000}, "application/json", headers=GZIP),
    ]

    assert [("Content-Encoding" in response, varies_with_the_coding(response)) for response in responses] == [
        (False, False)
    ] * 2


def test_files_pages_and_short_answers_stay_as_they_are(make_user: MakeUser, client: Client) -> None:
    client.force_login(make_user("boss@example.com", staff=True))
    name = default_storage.save("looks/x.png", ContentFile(b"pixels" * 1000))

    responses = [client.get(path, headers=GZIP) for path in ("/healthz", f"/media/{name}", "/admin/", "/docs")]
    for response in responses:
        response.close()
    default_storage.delete(name)

    assert [(response.status_code, "Content-Encoding" in response) for response in responses] == [(200, False)] * 4


@pytest.mark.parametrize(
    ("path", "headers", "size", "is_packed"),
    [
        ("/api/v1/looks", {}, LEAST_BYTES, True),
        ("/api/v1/looks", {}, LEAST_BYTES - 1, False),
        ("/api/v1/looks", {"Content-Type": "text/csv"}, 9000, False),
        ("/api/v1/looks", {"Content-Type": "video/mp4"}, 9000, False),
        ("/api/v1/looks", {"Content-Encoding": "br"}, 9000, False),
        ("/api/v1/auth/me", {}, 9000, False),
        ("/admin/rq/stats.json", {}, 9000, False),
    ],
)
def test_what_is_compressed(path: str, headers: dict[str, str], size: int, is_packed: bool) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"x" * size, headers={"Content-Type": "application/json", **headers})

    response = CompressionMiddleware(view)(RequestFactory(headers=GZIP).get(path))

    assert (response.get("Content-Encoding") == "gzip") is is_packed


@pytest.mark.parametrize(("etag", "sent"), [('"abc"', 'W/"abc"'), ('W/"abc"', 'W/"abc"')])
def test_etag_of_other_bytes_is_weak(etag: str, sent: str) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(b"x" * 9000, headers={"Content-Type": "application/json", "ETag": etag})

    assert CompressionMiddleware(view)(RequestFactory(headers=GZIP).get(LOOKS))["ETag"] == sent


@pytest.mark.parametrize(
    ("accepted", "is_taken"),
    [
        *(("gzip", True), ("br, GZIP;q=0.5", True), ("x-gzip", True), ("gzip;q=1.000", True), ("gzip ; q=0.001", True)),
        *(("", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000, br", False), ("br", False)),
        *(("*", False), ("notgzip", False)),
    ],
)
def test_accept_encoding(accepted: str, is_taken: bool) -> None:
    assert takes_gzip(accepted) is is_taken
