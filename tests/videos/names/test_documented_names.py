"""Every documented name of every endpoint works in both spellings; any other name of a POST or PATCH is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from studio.api.field_names import snake_case
from tests.videos.names.conftest import LOOKS, Paths, everything_stored, png

pytestmark = pytest.mark.django_db


def url_of(template: str, paths: Paths) -> str:
    kinds = {LOOKS: "look", "/api/v1/webhooks": "webhook"}
    first = paths[next((kind for start, kind in kinds.items() if template.startswith(start)), "job")]
    return template.replace("{id}", first).replace("{look_id}", paths["look"])


# -- What the schema documents


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


def _operations(*methods: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in _schema()["paths"].items():
        if path.startswith("/api/v1/"):
            yield from ((method, path, item[method]) for method in methods if method in item)


def _body_names() -> Iterator[tuple[str, str, str, str]]:
    """Method, path, content type and name of each documented field."""
    components = _schema()["components"]["schemas"]
    for method, path, operation in _operations("post", "patch"):
        for content_type, body in operation.get("requestBody", {}).get("content", {}).items():
            shape = components[body["schema"]["$ref"].rpartition("/")[2]]
            yield from ((method, path, content_type, name) for name in shape["properties"])


def _query_names() -> Iterator[tuple[str, str]]:
    for _, path, operation in _operations("get"):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                yield path, parameter["name"]


BODY_NAMES, QUERY_NAMES = list(_body_names()), list(_query_names())
WRITING = [(method, path) for method, path, _ in _operations("post", "patch")]


def send(client: APIClient, method: str, url: str, content_type: str, name: str, *, is_bad: bool = True) -> Any:
    """A request with one field that has an invalid value."""
    if content_type == "application/json":
        return client.generic(method, url, json.dumps({name: {"no": "value"}}), content_type)
    bad = "\0" if is_bad else "x"
    if content_type == "multipart/form-data":
        return getattr(client, method)(url, {name: bad}, format="multipart")
    return client.generic(method, url, f"{name}=%00", content_type)


def test_the_schema_has_what_these_tests_go_through() -> None:
    names = {name for *_, name in BODY_NAMES}

    assert names > {"lookId", "mockMode", "referenceImages", "generatedImage", "sharedWithUserIds", "email", "refresh"}
    assert {name for _, name in QUERY_NAMES} > {"skip", "limit", "status", "lookId", "redirect", "view", "search"}
    assert len(WRITING) >= 9


@pytest.mark.parametrize(("method", "path", "content_type", "name"), BODY_NAMES)
def test_documented_field_is_read_in_both_spellings_and_refused_in_the_clients_own(
    client: APIClient, paths: Paths, method: str, path: str, content_type: str, name: str
) -> None:
    for spelling in {name, snake_case(name)}:
        response = send(client, method, url_of(path, paths), content_type, spelling)

        errors = response.json()["errors"]
        assert (response.status_code, response.json()["code"]) == (400, "invalid")
        assert [key for key in errors if key.split(".")[0] in {name, snake_case(name)}] in (
            [spelling],
            [f"{spelling}.0"],
        )


@pytest.mark.parametrize(("path", "name"), QUERY_NAMES)
def test_documented_parameter_is_read_in_both_spellings(client: APIClient, paths: Paths, path: str, name: str) -> None:
    for spelling in {name, snake_case(name)}:
        response = client.get(f"{url_of(path, paths)}?{spelling}=%00")

        assert (response.status_code, list(response.json()["errors"])) == (400, [spelling])


@pytest.mark.parametrize("content_type", ["multipart/form-data", "application/json"])
@pytest.mark.parametrize(("method", "path"), WRITING)
def test_unknown_field_is_refused_and_nothing_is_left(
    client: APIClient, paths: Paths, media: Path, method: str, path: str, content_type: str
) -> None:
    before = everything_stored(media)

    response = send(client, method, url_of(path, paths), content_type, "zzz", is_bad=False)

    assert (response.status_code, response.json()["code"], list(response.json()["errors"])) == (
        400,
        "unknown_field",
        ["zzz"],
    )
    assert everything_stored(media) == before


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_unknown_file_is_refused_and_nothing_is_left(
    client: APIClient, paths: Paths, media: Path, method: str, path: str
) -> None:
    before = everything_stored(media)

    response = getattr(client, method)(url_of(path, paths), {"zzz": png()}, format="multipart")

    assert (response.status_code, response.json()["code"], list(response.json()["errors"])) == (
        400,
        "unknown_field",
        ["zzz"],
    )
    assert everything_stored(media) == before


@pytest.mark.parametrize(("path", "name"), QUERY_NAMES)
def test_slip_in_a_parameter_is_refused_and_a_strange_one_ignored(
    client: APIClient, paths: Paths, path: str, name: str
) -> None:
    url = url_of(path, paths)
    strange = client.get(f"{url}?utm_source=mail&_=17&page=2&alt=json")
    plain = client.get(url)

    assert (strange.status_code, strange.content) == (plain.status_code, plain.content)
    for slip in (name.upper(), f"{name}-", f"{name[:2]}-{name[2:]}"):
        response = client.get(f"{url}?{slip}=1")
        assert (response.status_code, response.json()) == (
            400,
            {
                "detail": f'{slip}: Unknown parameter. Did you mean "{name}"?',
                "code": "unknown_field",
                "errors": {slip: [f'Unknown parameter. Did you mean "{name}"?']},
            },
        )
