"""Spellings that real clients send: those that are accepted, and refusals that suggest the right name."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import ledger
from accounts.models import LedgerEntry
from looks.models import Look
from studio.api.field_names import snake_case
from tests.conftest import PASSWORD
from tests.fixtures.video_jobs import MakeJob
from tests.videos.names.conftest import FORM, JOBS, LOOKS, Paths, everything_stored, png
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


# -- The spellings that clients really send


@pytest.mark.parametrize(
    ("extra", "meant"),
    [
        ({"MockMode": "true"}, "mockMode"),
        ({"mock-mode": "true"}, "mockMode"),
        ({"aspect": "9:16"}, "aspectRatio"),
        ({"duration": "4"}, "durationSeconds"),
        ({"look": "x"}, "lookId"),
        ({"image": png()}, "initialImage"),
        ({"lastFrame": png()}, "endFrame"),
        ({"reference_image": png()}, "referenceImages"),
        ({"referenceImages[x]": png()}, "referenceImages"),
        ({"initialImage[]": png()}, "initialImage"),
        ({"prompt[]": "x"}, "prompt"),
    ],
)
def test_misspelled_field_of_a_job_names_the_one_that_was_meant(
    client: APIClient, media: Path, extra: dict[str, Any], meant: str
) -> None:
    before, (name,) = everything_stored(media), extra

    response = client.post(JOBS, {**FORM, **extra}, format="multipart")

    message = f'Unknown field. Did you mean "{meant}"?'
    assert (response.status_code, response.json()) == (
        400,
        {"detail": f"{name}: {message}", "code": "unknown_field", "errors": {name: [message]}},
    )
    assert everything_stored(media) == before


def test_field_that_a_job_shows_is_refused_in_a_new_one(client: APIClient) -> None:
    response = client.post(JOBS, {**FORM, "tokensCharged": 0, "progress_percentage": 0}, format="json")

    assert (response.status_code, list(response.json()["errors"])) == (400, ["tokensCharged", "progress_percentage"])


@pytest.mark.parametrize("format_", ["multipart", "json"])
def test_job_in_snake_case_is_the_same_job(client: APIClient, ann: Any, format_: str) -> None:
    look = Look.objects.create(owner=ann, title="Stone")
    form = {**FORM, "aspectRatio": "9:16", "durationSeconds": 4, "useLookImage": "false", "lookId": str(look.pk)}

    for names in (form, {snake_case(name): value for name, value in form.items()}):
        response = client.post(JOBS, names, format=format_)
        assert (response.status_code, [shown["id"] for shown in response.json()["associatedLooks"]]) == (
            202,
            [str(look.pk)],
        )

    assert len(set(VideoJob.objects.values_list("request_digest", flat=True))) == 1


@pytest.mark.parametrize(
    "names",
    [
        ["referenceImages", "referenceImages"],
        ["reference_images", "reference_images"],
        ["referenceImages[]", "referenceImages[]"],
        ["reference_images[]", "reference_images[]"],
        ["referenceImages[1]", "referenceImages[0]"],
    ],
)
def test_files_of_a_list_are_read_as_each_library_names_them(client: APIClient, names: list[str]) -> None:
    boundary, files = "frontier", [png().read(), png().read()]
    parts = [("mockMode", b"true"), *zip(names, files, strict=True), ("initial_image", png().read())]
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
        % (boundary.encode(), name.encode(), b'; filename="a.png"' if len(data) > 9 else b"", data)
        for name, data in parts
    )

    response = client.generic("POST", JOBS, body + b"--frontier--\r\n", f"multipart/form-data; boundary={boundary}")

    assert response.status_code == 202
    inputs = VideoJob.objects.get().inputs.order_by("role", "position").values_list("role", "position")
    assert list(inputs) == [("first_frame", 0), ("reference", 0), ("reference", 1)]


@pytest.mark.parametrize("query", ["look_id", "lookId"])
def test_look_of_the_query_string_is_linked(client: APIClient, ann: Any, query: str) -> None:
    look = Look.objects.create(owner=ann, title="Stone")

    response = client.post(f"{JOBS}?{query}={look.pk}&utm_source=mail", FORM, format="multipart")

    assert (response.status_code, response.json()["associatedLooks"][0]["id"]) == (202, str(look.pk))


@pytest.mark.parametrize(
    ("method", "url", "name", "meant"),
    [
        ("post", JOBS, "LookId", "lookId"),
        ("post", JOBS, "look-id", "lookId"),
        ("post", JOBS, "mockMode", "mockMode"),
        ("post", JOBS, "prompt", "prompt"),
        ("post", LOOKS, "title", "title"),
        ("patch", LOOKS, "visibilty", "visibility"),
    ],
)
def test_field_in_the_query_string_is_not_passed_over(
    client: APIClient, paths: Paths, media: Path, method: str, url: str, name: str, meant: str
) -> None:
    before = everything_stored(media)
    url = f"{url}/{paths['look']}" if method == "patch" else url

    response = getattr(client, method)(f"{url}?{name}=x", FORM if url == JOBS else {"title": "Stone"}, format="json")

    place = "the query string or the body" if meant == "lookId" else "the body"
    message = f'Unknown parameter of the query string. Send "{meant}" in {place}.'
    assert (response.status_code, response.json()["code"], response.json()["errors"]) == (
        400,
        "unknown_field",
        {name: [message]},
    )
    assert everything_stored(media) == before


# -- Given twice


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"mockMode": "true", "mock_mode": "TRUE"}, 202),
        ({"mockMode": "true", "mock_mode": "false"}, 400),
        ({"mockMode": "", "mock_mode": "true"}, 202),
        ({"mockMode": ["true", "true"]}, 202),
        ({"mockMode": ["", "true"]}, 202),
        ({"mockMode": ["true", "false"]}, 400),
        ({"mockMode": "true", "initialImage": png(), "initial_image": png()}, 400),
        ({"mockMode": "true", "initialImage": [png(), png()]}, 400),
        ({"mockMode": "true", "referenceImages": png(), "referenceImages[]": png()}, 400),
    ],
)
def test_values_of_one_name_must_agree(client: APIClient, media: Path, form: dict[str, Any], status: int) -> None:
    before = everything_stored(media)

    response = client.post(JOBS, {"prompt": "A red dress", **form}, format="multipart")

    assert response.status_code == status
    if status == 400:
        name = next(name for name in form if name.startswith(list(form)[-1].split("_")[0][:9]))
        assert list(response.json()["errors"]) == [name]
        assert everything_stored(media) == before


def test_null_beside_another_spelling_says_nothing(client: APIClient) -> None:
    response = client.post(JOBS, {"prompt": "A red dress", "mockMode": None, "mock_mode": True}, format="json")

    assert (response.status_code, response.json()["mockMode"]) == (202, True)


def test_look_ids_that_differ_are_refused(client: APIClient) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()

    response = client.post(f"{JOBS}?look_id={one}", {**FORM, "lookId": str(other)}, format="multipart")

    assert (response.status_code, response.json()["errors"]) == (
        400,
        {"lookId": ['Differs from "look_id". Give it once.']},
    )


# -- Lists


@pytest.mark.parametrize(
    "query",
    ["status=FAILED&status=PENDING", "status[]=FAILED&status[]=PENDING", "status%5B0%5D=failed&status%5B1%5D=PENDING"],
)
def test_statuses_are_read_as_each_library_names_them(
    client: APIClient, ann: Any, make_job: MakeJob, query: str
) -> None:
    jobs = {str(make_job(ann, phase=phase).pk) for phase in (Phase.FAILED, Phase.QUEUED)}
    make_job(ann, phase=Phase.SUCCEEDED)

    assert {item["id"] for item in client.get(f"{JOBS}?{query}").json()["items"]} == jobs


def test_list_of_a_look_is_found_in_both_spellings(
    client: APIClient, paths: Paths, ann: Any, make_job: MakeJob
) -> None:
    make_job(ann)

    for name in ("lookId", "look_id"):
        listed = client.get(f"{JOBS}?{name}={paths['look']}&mock_mode=true").json()
        assert [item["id"] for item in listed["items"]] == [paths["job"]]


def test_page_given_twice_must_agree(client: APIClient) -> None:
    assert client.get(f"{JOBS}?limit=5&limit=5").json()["limit"] == 5
    for url in (JOBS, LOOKS, "/api/v1/tokens/ledger"):
        assert client.get(f"{url}?limit=5&limit=6").status_code == 400


# -- Endpoints without fields, and the errors of use cases


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_default_is_set_by_a_request_without_a_body(client: APIClient, paths: Paths, content_type: str) -> None:
    url = f"{JOBS}/{paths['job']}/set-default-for-look/{paths['look']}"

    assert client.generic("PATCH", url, b"", content_type).status_code == 200
    assert client.generic("PATCH", url, b"{}", "application/json").status_code == 200


def test_wish_that_setting_a_default_does_not_read_is_refused(client: APIClient, paths: Paths) -> None:
    url = f"{JOBS}/{paths['job']}/set-default-for-look/{paths['look']}"

    response = client.patch(url, {"isDefault": False}, format="json")

    assert (response.status_code, response.json()["errors"]) == (
        400,
        {"isDefault": ["Unknown field. There are no fields here."]},
    )


def test_pair_of_tokens_is_refreshed_as_it_was_kept(anonymous: APIClient, ann: Any) -> None:
    pair = anonymous.post("/api/v1/auth/token", {"email": ann.email, "password": PASSWORD}, format="json").json()

    fresh = anonymous.post("/api/v1/auth/token/refresh", pair, format="json")

    assert (fresh.status_code, set(fresh.json())) == (200, {"access", "refresh", "expiresIn"})
    assert anonymous.post("/api/v1/auth/token/revoke", fresh.json(), format="json").status_code == 204


def test_use_case_names_the_field_as_the_client_does(client: APIClient) -> None:
    body = {"title": "x", "shared_with_user_ids": [str(uuid.UUID(int=7))]}

    response = client.post(LOOKS, body, format="json").json()

    message = f"There is no user {uuid.UUID(int=7)}."
    assert response == {
        "detail": f"shared_with_user_ids: {message}",
        "code": "invalid",
        "errors": {"shared_with_user_ids": [message]},
    }


def test_a_body_of_unknown_names_costs_little_and_is_answered_briefly(client: APIClient) -> None:
    body = {f"{number}{'x' * 500}": number for number in range(1_900)}

    response = client.post(JOBS, {**FORM, **body}, format="json")

    assert (response.status_code, len(response.json()["errors"])) == (400, 10)
    assert len(response.content) < 6_000


def test_price_and_balance_are_beside_the_sentence(client: APIClient, ann: Any) -> None:
    ledger.adjust(user=ann, tokens=-980, note="spent")
    before = LedgerEntry.objects.count()

    response = client.post(JOBS, FORM, format="multipart")

    assert (response.status_code, response.json()) == (
        402,
        {"detail": "Insufficient tokens", "code": "insufficient_tokens", "balance": 20, "price": 50},
    )
    assert LedgerEntry.objects.count() == before
