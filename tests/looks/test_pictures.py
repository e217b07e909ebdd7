"""Pictures of looks and products in the formats of phones and programs, and what is stored."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, base64_of, nothing_kept, stored_files, upload
from tests.studio.media.heic import heic
from tests.studio.media.hostile_images import saved
from tests.studio.media.pictures import two_tone
from tests.studio.media.test_image_formats import GREY, RGB, png_of_rows

PHOTO = heic(two_tone().resize((80, 40)))


@pytest.fixture
def ann(make_user: MakeUser, sign_in: SignIn) -> APIClient:
    return sign_in(make_user())


@pytest.mark.parametrize(
    "picture", [PHOTO, png_of_rows(300, 400, 8, GREY, interlaced=True), png_of_rows(300, 400, 8, RGB, interlaced=True)]
)
def test_every_way_in_takes_it(ann: APIClient, media: Path, picture: bytes) -> None:
    product = {"name": "Belt", "thumbnailBase64": base64_of(picture)}
    body = {"title": "x", "generatedImageBase64": base64_of(picture), "products": [product]}
    form = {"title": "x", "generatedImage": upload(picture), "products": '[{"name": "Belt"}]'}

    responses = [
        ann.post(URL, body, format="json"),
        ann.post(URL, form | {"productThumbnail.0": upload(picture)}, format="multipart"),
    ]

    assert [response.status_code for response in responses] == [201, 201]
    for look in (response.json() for response in responses):
        assert all((look["generatedImageUrl"], look["thumbnailUrl"], look["products"][0]["thumbnailUrl"]))
    sizes = {Image.open(io.BytesIO((media / name).read_bytes())).size for name in stored_files(media)}
    assert sizes == {(80, 40) if picture is PHOTO else (300, 400)}


def test_of_an_animation_the_start_is_stored(ann: APIClient, media: Path) -> None:
    data = saved(two_tone(), save_all=True, append_images=[Image.new("RGB", (40, 20))], duration=100)

    response: Any = ann.post(URL, {"title": "x", "generatedImage": upload(data)}, format="multipart")

    assert response.status_code == 201
    assert not any(b"acTL" in (media / name).read_bytes() for name in stored_files(media))


def test_what_is_no_picture_is_called_by_its_name(ann: APIClient, media: Path) -> None:
    response = ann.post(URL, {"title": "x", "generatedImage": upload(b"%PDF-1.7\n", "look.pdf")}, format="multipart")

    assert (response.status_code, response.json()["errors"]) == (
        400,
        {"generatedImage": ["This is a PDF; send PNG, JPEG, WebP, HEIC, GIF, BMP, TIFF or AVIF."]},
    )
    assert nothing_kept(media)
