"""`Idempotency-Key` of POST /api/v1/looks: a repeat returns the first look, and creates none."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from looks.idempotency import forget_old_keys
from looks.models import Look, LookKey
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, png, stored_files, upload
from tests.threads import at_once

HEADERS = {"Idempotency-Key": "k"}


@pytest.fixture
def ann(make_user: MakeUser, sign_in: SignIn) -> APIClient:
    return sign_in(make_user())


def form(title: str = "Stone Essence", colour: str = "grey") -> dict[str, Any]:
    """A form with a picture and a product; files can be sent once."""
    products = json.dumps([{"name": "Linen dress", "price": "120.00"}])
    emails = ["ben@example.com", "cas@example.com"]
    picture = upload(png(80, 120, colour))
    return {"title": title, "products": products, "sharedWithEmails": emails, "generatedImage": picture}


def post(client: APIClient, fields: dict[str, Any] | None = None) -> Any:
    return client.post(URL, fields or form(), format="multipart", headers=HEADERS)


def test_same_key_and_request_return_the_same_look(ann: APIClient, media: Path) -> None:
    first, files = post(ann), stored_files(media)
    again = post(ann)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert (Look.objects.count(), stored_files(media), Disposal.objects.count()) == (1, files, 0)


@pytest.mark.parametrize("other", [{"title": "Ash"}, {"colour": "red"}])
def test_same_key_with_another_request_is_a_conflict(ann: APIClient, other: dict[str, str]) -> None:
    post(ann)

    response = post(ann, form(**other))

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "This Idempotency-Key was used for another request.", "code": "idempotency_key_reused"},
    )
    assert Look.objects.count() == 1


def test_key_of_a_deleted_look_creates_no_second_one(ann: APIClient) -> None:
    ann.delete(f"{URL}/{post(ann).json()['id']}")

    response = post(ann)

    assert (response.status_code, response.json()) == (
        409,
        {
            "detail": "The look of this Idempotency-Key was deleted; send a new key for a new look.",
            "code": "idempotent_look_deleted",
        },
    )
    assert Look.objects.count() == 0


def test_same_key_of_another_user_or_of_a_video_is_another_key(
    ann: APIClient, make_user: MakeUser, sign_in: SignIn
) -> None:
    job = {"mockMode": "true", "prompt": "x"}

    statuses = [
        post(ann).status_code,
        post(sign_in(make_user("ben@example.com"))).status_code,
        ann.post("/api/v1/video-jobs", job, format="multipart", headers=HEADERS).status_code,
    ]

    assert statuses == [201, 201, 202]
    assert Look.objects.count() == 2


def test_key_is_free_again_after_a_day(ann: APIClient) -> None:
    post(ann)
    LookKey.objects.update(used_at=timezone.now() - timedelta(hours=24, seconds=1))

    response = post(ann, form("Ash"))

    assert (response.status_code, response.json()["title"]) == (201, "Ash")
    assert (LookKey.objects.count(), forget_old_keys()) == (1, 0)


def test_old_keys_are_forgotten(make_user: MakeUser) -> None:
    ann = make_user()
    for key, hours in (("new", 23), ("old", 25)):
        used_at = timezone.now() - timedelta(hours=hours)
        LookKey.objects.create(owner=ann, key=key, look_id=uuid.uuid4(), used_at=used_at)

    assert forget_old_keys() == 1
    assert [row.key for row in LookKey.objects.all()] == ["new"]


@pytest.mark.parametrize("key", ["k" * 256, "a\tb"])
def test_key_that_is_too_long_or_not_printable_is_refused(ann: APIClient, key: str) -> None:
    response = ann.post(URL, form(), format="multipart", headers={"Idempotency-Key": key})

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert Look.objects.count() == 0


def test_refused_request_leaves_its_key_free(ann: APIClient) -> None:
    refused = post(ann, {**form(), "sharedWithUserIds": [str(uuid.uuid4())]})

    assert (refused.status_code, post(ann).status_code) == (400, 201)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_key_at_once_creates_one_look(make_user: MakeUser, sign_in: SignIn, media: Path) -> None:
    ann = make_user()

    responses = at_once([lambda: post(sign_in(ann)).json()["id"] for _ in range(8)])

    assert (len(set(responses)), Look.objects.count(), LookKey.objects.count()) == (1, 1, 1)
    kept = {name for name in stored_files(media) if not Disposal.objects.filter(name=name).exists()}
    assert len(kept) == 2  # the picture and its thumbnail
