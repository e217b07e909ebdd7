"""POST /api/v1/looks: refused requests, their messages, and that nothing is stored."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from looks.models import Look, LookShare
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, base64_of, nothing_kept, png, stored_files, upload
from tests.studio.media.hostile_images import REFUSED, png_bomb

BELT = {"name": "Belt"}


@pytest.fixture
def ann(make_user: MakeUser, sign_in: SignIn) -> APIClient:
    return sign_in(make_user())


def test_unknown_reader_is_refused(ann: APIClient, make_user: MakeUser, media: Path) -> None:
    unknown = str(uuid.uuid4())
    body = {"title": "x", "sharedWithUserIds": [str(make_user("ben@example.com").pk), unknown]}

    response = ann.post(URL, {**body, "generatedImageBase64": base64_of(png())}, format="json")

    message = f"There is no user {unknown}."
    assert (response.status_code, response.json()) == (
        400,
        {
            "detail": f"sharedWithUserIds: {message}",
            "code": "invalid",
            "errors": {"sharedWithUserIds": [message]},
        },
    )
    assert nothing_kept(media)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "x" * 200 + "\n"}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": ["x"]}, "title"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"notes": "\x00"}, "notes"),
        ({"visibility": "everyone"}, "visibility"),
        ({"sharedWithUserIds": ["ben"]}, "sharedWithUserIds.0"),
        ({"sharedWithUserIds": "ben"}, "sharedWithUserIds"),
        ({"sharedWithUserIds": ["x"] * 101}, "sharedWithUserIds"),
        ({"sharedWithEmails": "ben@example.com"}, "sharedWithEmails"),
        ({"sharedWithEmails": ["ben@example.com"] * 101}, "sharedWithEmails"),
        ({"sharedWithEmails": ["ben@example.com", "ben"]}, "sharedWithEmails.1"),
        ({"sharedWithEmails": ["", "ben@example.com"]}, "sharedWithEmails.0"),
        ({"sharedWithEmails": [None]}, "sharedWithEmails.0"),
        ({"sharedWithEmails": [7]}, "sharedWithEmails.0"),
        ({"sharedWithEmails": ['"b en"@example.com']}, "sharedWithEmails.0"),
        ({"sharedWithEmails": ["ben\x00@example.com"]}, "sharedWithEmails.0"),
        ({"sharedWithEmails": [f"ben@{'x' * 60}.{'x' * 60}.{'x' * 60}.{'x' * 60}.example"]}, "sharedWithEmails.0"),
        ({"products": {"name": "x"}}, "products"),
        ({"products": "none"}, "products"),
        ({"products": ["x"]}, "products.0.non_field_errors"),
        ({"products": [BELT] * 51}, "products"),
        ({"products": [{"sku": "x"}]}, "products.0.name"),
        ({"products": [BELT, {"name": ""}]}, "products.1.name"),
        ({"products": [{**BELT, "sku": "x" * 101}]}, "products.0.sku"),
        ({"products": [{**BELT, "designer": "\x00"}]}, "products.0.designer"),
        ({"products": [{**BELT, "price": "-0.01"}]}, "products.0.price"),
        ({"products": [{**BELT, "price": "1.001"}]}, "products.0.price"),
        ({"products": [{**BELT, "price": "NaN"}]}, "products.0.price"),
        ({"products": [{**BELT, "price": "12345678901"}]}, "products.0.price"),
        ({"products": [{**BELT, "price": True}]}, "products.0.price"),
        ({"products": [{**BELT, "currency": "EURO"}]}, "products.0.currency"),
        ({"products": [{**BELT, "currency": "€"}]}, "products.0.currency"),
        ({"products": [{**BELT, "productUrl": "javascript:alert(1)"}]}, "products.0.productUrl"),
        ({"products": [{**BELT, "productUrl": "ftp://example.com/x"}]}, "products.0.productUrl"),
        ({"products": [{**BELT, "productUrl": "https://example.com/" + "x" * 2000}]}, "products.0.productUrl"),
        ({"products": [{**BELT, "productUrl": f"{'https://example.com/':x<2000}\n"}]}, "products.0.productUrl"),
        ({"products": [{**BELT, "thumbnailBase64": "%%%"}]}, "products.0.thumbnailBase64"),
        ({"products": [{**BELT, "thumbnailBase64": base64_of(b"<html>")}]}, "products.0.thumbnailBase64"),
        ({"generatedImageBase64": "%%%"}, "generatedImageBase64"),
        ({"generatedImageBase64": "é"}, "generatedImageBase64"),
        ({"generatedImageBase64": ""}, "generatedImageBase64"),
        ({"generatedImageBase64": 7}, "generatedImageBase64"),
        ({"generatedImageBase64": "data:image/png,%89PNG"}, "generatedImageBase64"),
        ({"generatedImageBase64": "https://example.com/picture.png"}, "generatedImageBase64"),
    ],
)
def test_bad_field_is_named_and_changes_nothing(
    ann: APIClient, media: Path, change: dict[str, Any], field: str
) -> None:
    body = {"title": "x", "generatedImageBase64": base64_of(png()), **change}

    response = ann.post(URL, body, format="json")

    refusal = response.json()
    assert (response.status_code, list(refusal["errors"]), refusal["code"]) == (400, [field], "invalid")
    assert nothing_kept(media)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"products": "[{"}, "products"),
        ({"products": '{"name": "x"}'}, "products"),
        ({"products": upload(b"[]", "products.json", "application/json")}, "products"),
        ({"products": "[" * 100_000}, "products"),
        ({"products": '[{"name": "x", "price": NaN}]'}, "products"),
        ({"products": '[{"price": "1"}]'}, "products.0.name"),
        ({"productThumbnail.0": upload()}, "productThumbnail.0"),
        ({"products": '[{"name": "x"}]', "productThumbnail.0": upload(b"<html>")}, "productThumbnail.0"),
        ({"products": '[{"name": "x"}]', "productThumbnail.0": "text"}, "productThumbnail.0"),
        ({"generatedImage": "text"}, "generatedImage"),
        ({"generatedImage": upload(b"")}, "generatedImage"),
        ({"generatedImageBase64": base64_of(png())}, "generatedImage"),
    ],
)
def test_bad_form_field_is_named_and_changes_nothing(
    ann: APIClient, media: Path, change: dict[str, Any], field: str
) -> None:
    form = {"title": "x", "generatedImage": upload(), **change}

    response = ann.post(URL, form, format="multipart")

    assert (response.status_code, list(response.json()["errors"])) == (400, [field])
    assert nothing_kept(media)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("png bomb", "The image has more than 50 megapixels."),
        ("html", "This is a web page (HTML); send PNG, JPEG, WebP, HEIC, GIF, BMP, TIFF or AVIF."),
        ("truncated jpeg", "The JPEG is damaged, or of a kind that cannot be read."),
        ("jpeg of scans", "The image takes too long to decode."),
        ("more bytes than are taken", "The image is larger than 10 MiB."),
    ],
)
@pytest.mark.parametrize("way", ["form", "json"])
def test_hostile_picture_is_refused_and_leaves_nothing(
    ann: APIClient, media: Path, name: str, sentence: str, way: str
) -> None:
    data = REFUSED[name]()

    if way == "form":
        response = ann.post(URL, {"title": "x", "generatedImage": upload(data, "dress.png")}, format="multipart")
    else:
        response = ann.post(URL, {"title": "x", "generatedImageBase64": base64_of(data)}, format="json")

    field = "generatedImage" if way == "form" else "generatedImageBase64"
    assert (response.status_code, response.json()["errors"]) == (400, {field: [sentence]})
    assert nothing_kept(media)


def test_one_bad_thumbnail_keeps_the_good_pictures_out(ann: APIClient, media: Path) -> None:
    form = {
        "title": "x",
        "generatedImage": upload(),
        "products": json.dumps([BELT, BELT]),
        "productThumbnail.0": upload(),
        "productThumbnail.1": upload(png_bomb()),
    }

    response = ann.post(URL, form, format="multipart")

    assert response.json()["errors"] == {"productThumbnail.1": ["The image has more than 25 megapixels."]}
    assert nothing_kept(media)


def test_body_of_60_megabytes_is_refused_unread(ann: APIClient, media: Path) -> None:
    response = ann.post(URL, {"title": "x", "generatedImage": upload(bytes(60_000_000))}, format="multipart")

    assert (response.status_code, response.json()) == (
        413,
        {"detail": "The request is too large; the limit is 52 MiB.", "code": "too_large"},
    )
    assert nothing_kept(media)


def test_storage_that_fails_leaves_nothing(
    ann: APIClient, media: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a file stands where the folder of the pictures would be
    media.mkdir()
    (media / "looks").write_text("")
    ann.raise_request_exception = False

    response = ann.post(URL, {"title": "x", "generatedImage": upload()}, format="multipart")

    assert (response.status_code, response.json()["code"]) == (500, "server_error")
    assert (Look.objects.count(), LookShare.objects.count(), stored_files(media)) == (0, 0, ["looks"])
    assert Disposal.objects.count() == 1  # what may have been stored of the first file goes


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"x"',
        "{",
        "[" * 100_000,
        '{"title": "\\ud800"}',
        '{"title": NaN, "notes": "\\udfff"}',
        '{"title": "x", "sharedWithUserIds": [-1]}',
        '{"title": "x", "sharedWithUserIds": [' + "9" * 100 + "]}",
        '{"title": "x", "products": [{"name": "x", "price": 1e400}]}',
        '{"title": "x", "products": [{"name": "x", "price": ' + "9" * 5000 + "}]}",
        '{"title": "x", "products": [[]]}',
        '{"title": "x", "generatedImageBase64": "\\ud800"}',
        '{"title": "x", "generatedImageBase64": {"data": "x"}}',
    ],
)
def test_hostile_json_is_a_400(ann: APIClient, media: Path, body: str) -> None:
    response = ann.post(URL, body, content_type="application/json")

    assert response.status_code == 400
    assert set(response.json()) >= {"detail", "code"}
    assert nothing_kept(media)


def test_other_bodies_are_refused(ann: APIClient, media: Path) -> None:
    response = ann.post(URL, "<look/>", content_type="application/xml")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert ann.options(URL).status_code == 200
