"""Messages of refusals: bad values in every field of every endpoint, without DRF's unclear sentences."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.exceptions import Throttled
from rest_framework.test import APIClient

from studio.api.views import handle_exception
from tests.videos.names.conftest import FORM, JOBS, LOOKS, Paths, png
from tests.videos.names.test_documented_names import BODY_NAMES, QUERY_NAMES, url_of

BAD_TEXTS = ["", "\0", "x" * 11_000, "-", "[", "1e400"]
BAD: list[Any] = [*BAD_TEXTS, 1.5, -1, True, [], {}, ["x"], {"x": 1}, [[]], [None], 10**40, [{}] * 200]
ODD = re.compile(r"Expected|not a valid choice|valid string|not a file|encoding type|dict|valid boolean|valid number")
PLAIN = re.compile(
    r"(Must|Send|Give|You sent|Unknown field|This field (is required|may not be)|Ensure this field has no more than"
    r"|Enter a valid|Null characters|This is (a|an|not a) |There is no|The (file|image|body)|(This|The) password)\b"
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_throttle(settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": dict.fromkeys(rates, "100000/min")}


def refused_fields(client: APIClient, paths: Paths) -> Iterator[Any]:
    for method, path, content_type, name in BODY_NAMES:
        url = url_of(path, paths)
        if content_type == "application/json":
            yield from (client.generic(method, url, json.dumps({name: bad}), content_type) for bad in BAD)
        else:
            yield from (getattr(client, method)(url, {name: bad}, format="multipart") for bad in [*BAD_TEXTS, png()])
    for path, name in QUERY_NAMES:
        yield from (client.get(url_of(path, paths), {name: bad}) for bad in BAD_TEXTS)


def refused_products(client: APIClient) -> Iterator[Any]:
    for name in ("name", "sku", "designer", "price", "currency", "productUrl", "thumbnailBase64", "id"):
        for bad in BAD:
            yield client.post(LOOKS, {"title": "x", "products": [{"name": "Belt", name: bad}]}, format="json")
    for bad in BAD:
        yield client.post(LOOKS, {"title": "x", "products": bad}, format="json")
        yield client.post(LOOKS, {"title": "x", "products": [bad]}, format="json")


@pytest.mark.slow
def test_every_refused_value_is_refused_in_plain_words(client: APIClient, paths: Paths) -> None:
    responses = [*refused_fields(client, paths), *refused_products(client)]
    bodies = [response.json() for response in responses if response.status_code == 400]

    found = {sentence for body in bodies for sentences in body.get("errors", {}).values() for sentence in sentences}

    # 404: the stream of events, which another process serves
    assert {response.status_code for response in responses} <= {200, 201, 400, 401, 404, 429}
    assert len(found) > 25
    assert [sentence for sentence in sorted(found) if ODD.search(sentence) or not PLAIN.match(sentence)] == []


@pytest.mark.parametrize(
    ("field", "sent", "errors"),
    [
        ("resolution", "4k", ["Must be one of: 720p, 1080p.", 'You sent "4k".']),
        ("aspectRatio", "1:1", ["Must be one of: 16:9, 9:16.", 'You sent "1:1".']),
        ("aspect_ratio", {}, ["Must be one of: 16:9, 9:16.", "You sent an object."]),
        ("durationSeconds", 5, ["Must be one of: 8, 4.", "You sent 5."]),
        ("resolution", "\n<" + "x" * 100, ["Must be one of: 720p, 1080p.", f'You sent " <{"x" * 38}…".']),
    ],
)
def test_refused_choice_lists_what_is_taken(client: APIClient, field: str, sent: Any, errors: list[str]) -> None:
    response = client.post(JOBS, {**FORM, field: sent}, format="json")

    # no digit that the client has sent stands in `detail`, where a page may search for a status code
    assert (response.status_code, response.json()) == (
        400,
        {"detail": f"{field}: {errors[0]}", "code": "invalid", "errors": {field: errors}},
    )


def test_unknown_model_view_and_status_list_what_there_is(client: APIClient) -> None:
    model = client.post(JOBS, {**FORM, "model": "sora"}, format="json").json()["errors"]["model"]
    view = client.get(f"{LOOKS}?view=all").json()["errors"]["view"]
    status = client.get(f"{JOBS}?status=FAILED,DONE").json()["errors"]["status"]
    visibility = client.post(LOOKS, {"title": "x", "visibility": "all"}, format="json").json()["errors"]["visibility"]

    assert "veo-3.1-generate-preview" in model[0]
    assert model[1] == 'You sent "sora".'
    assert view == ["Must be one of: mine, shared, public.", 'You sent "all".']
    assert status == ["Must be one or more of: PENDING, RUNNING, SUCCEEDED, FAILED.", 'You sent "FAILED,DONE".']
    assert visibility == ["Must be one of: private, shared, public.", 'You sent "all".']


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("[]", "The body must be a JSON object."),
        ('"x"', "The body must be a JSON object."),
        ("null", "The body must be a JSON object."),
        ("{", "The body is not valid JSON: expecting property name enclosed in double quotes (line 1, column 2)."),
        ('{"a": 1,\n "b"}', "The body is not valid JSON: expecting ':' delimiter (line 2, column 5)."),
        ('{"a": "\n"}', "The body is not valid JSON: invalid control character (line 1, column 8)."),
        ('{"mockMode": true, "mockMode": false}', "The body is not valid JSON: an object has the same name twice."),
        ('{"a": NaN}', "The body is not valid JSON: it has a number that is too long, NaN or Infinity."),
        (b'{"a": "\xff"}', "The body is not valid JSON: it is not in UTF-8."),
        ("[" * 100_000, "The body is not valid JSON: it is nested too deeply."),
    ],
)
def test_body_that_is_no_object_is_refused_in_plain_words(client: APIClient, body: Any, detail: str) -> None:
    response = client.generic("POST", JOBS, body, "application/json")

    assert (response.status_code, response.json()["detail"]) == (400, detail)


def test_type_and_method_that_are_not_taken_are_refused_with_those_that_are(client: APIClient) -> None:
    body_type = client.generic("POST", JOBS, "x", "text/xml")
    method = client.put(JOBS)

    sentence = "A body of the type text/xml is not supported."
    hint = "For JSON, send the header Content-Type: application/json; or send a form."
    assert (body_type.status_code, body_type.json()["detail"]) == (415, f"{sentence} {hint}")
    assert (method.status_code, method.json()["detail"]) == (405, "This URL accepts GET or POST only.")


@pytest.mark.parametrize(
    ("wait", "how_soon"),
    [(1, "in 1 second"), (45, "within a minute"), (60, "within a minute"), (3599, "within an hour"), (9000, "later")],
)
def test_throttled_client_is_asked_to_wait_without_a_number_that_reads_as_a_status(wait: float, how_soon: str) -> None:
    response: Any = handle_exception(Throttled(wait), {"request": None, "view": None})

    assert (response.data, response["Retry-After"]) == (
        {"detail": f"Too many requests. Try again {how_soon}.", "code": "throttled"},
        str(int(wait) + 1),
    )
