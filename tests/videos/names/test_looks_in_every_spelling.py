"""Spellings in looks and products: nested names, readers, and a look that is sent back as a GET returned it."""

import json
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from tests.conftest import MakeUser
from tests.videos.names.conftest import LOOKS, Paths, everything_stored, png

pytestmark = pytest.mark.django_db


def test_look_is_changed_by_sending_it_back_whole(client: APIClient) -> None:
    product = {"name": "Belt", "product_url": "https://example.com/belt", "price": "12.50"}
    form = {
        "title": "Stone",
        "products": json.dumps([product]),
        "product_thumbnail.0": png(),
        "generated_image": png(),
    }
    look = client.post(LOOKS, form, format="multipart").json()

    response = client.patch(f"{LOOKS}/{look['id']}", {**look, "title": "Ash"}, format="json")

    assert response.status_code == 200
    shown = {**response.json(), "updatedAt": ""}
    assert look["products"][0]["productUrl"] == "https://example.com/belt"
    assert None not in (look["products"][0]["thumbnailUrl"], look["generatedImageUrl"])
    assert shown == {**look, "title": "Ash", "updatedAt": ""}


def test_change_that_would_be_lost_is_refused(client: APIClient, make_user: MakeUser) -> None:
    ben = make_user("ben@example.com")
    body = {"title": "x", "visibility": "shared", "sharedWithUserIds": [str(ben.pk)]}
    look = client.post(LOOKS, body, format="json").json()
    url, change = f"{LOOKS}/{look['id']}", {"shared_with": [], "generatedImageUrl": "https://example.com/x.png"}

    refused = client.patch(url, change, format="json")
    allowed = client.patch(url, {"sharedWith": [], "sharedWithUserIds": [], "generatedImageUrl": None}, format="json")

    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        {
            "shared_with": ['Is changed by "sharedWithUserIds" only. Omit it, or send it unchanged.'],
            "generatedImageUrl": ['Is changed by "generatedImageBase64" only. Omit it, or send it unchanged.'],
        },
    )
    assert (allowed.status_code, allowed.json()["sharedWith"]) == (200, [])


def test_new_look_does_not_pass_over_a_picture_that_it_would_not_have(client: APIClient, media: Path) -> None:
    before = everything_stored(media)
    body = {"title": "x", "generatedImageUrl": "https://example.com/x.png", "products": []}

    response = client.post(LOOKS, body, format="json")

    message = 'Unknown field. Did you mean "generatedImageBase64"?'
    assert (response.status_code, response.json()["errors"]) == (400, {"generatedImageUrl": [message]})
    assert everything_stored(media) == before


@pytest.mark.parametrize("method", ["post", "patch"])
def test_unknown_key_of_a_product_is_named_with_its_path(
    client: APIClient, paths: Paths, media: Path, method: str
) -> None:
    before = everything_stored(media)
    url = LOOKS if method == "post" else f"{LOOKS}/{paths['look']}"
    body = {"title": "x", "products": [{"name": "Belt", "productUrll": "https://example.com"}]}

    response = getattr(client, method)(url, body, format="json")

    message = 'Unknown field. Did you mean "productUrl"?'
    assert (response.status_code, response.json()) == (
        400,
        {
            "detail": f"products.0.productUrll: {message}",
            "code": "unknown_field",
            "errors": {"products.0.productUrll": [message]},
        },
    )
    assert everything_stored(media) == before


def test_readers_are_read_in_every_spelling(client: APIClient, make_user: MakeUser) -> None:
    ben = make_user("ben@example.com")

    for name in ("sharedWithUserIds", "shared_with_user_ids", "sharedWithUserIds[]", "shared_with_user_ids[0]"):
        form = {"title": "x", "visibility": "shared", name: str(ben.pk)}
        look = client.post(LOOKS, form, format="multipart").json()
        assert [reader["id"] for reader in look["sharedWith"]] == [str(ben.pk)]
