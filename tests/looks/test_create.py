"""POST /api/v1/looks: a picture and its products, as a form or as JSON."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rest_framework.test import APIClient

from looks.models import Look, Product
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, base64_of, png, stored_files, upload
from tests.studio.media.hostile_images import saved

DRESS = {
    "sku": "SE-001",
    "name": "Linen dress",
    "designer": "Maison Ash",
    "price": "120.00",
    "currency": "EUR",
    "productUrl": "https://shop.example.com/linen-dress?size=38",
}
BELT = {"name": "Belt"}


@pytest.fixture
def ann(make_user: MakeUser, sign_in: SignIn) -> APIClient:
    return sign_in(make_user())


def as_stored(media: Path, url: str | None) -> Path:
    """The stored file of a URL in a response."""
    assert url is not None
    assert url.startswith("http://testserver/media/")
    return media / url.removeprefix("http://testserver/media/")


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_form_makes_a_look(ann: APIClient, media: Path) -> None:
    form = {
        "title": "Stone Essence",
        "notes": "Grey on grey.",
        "products": json.dumps([DRESS, BELT]),
        "generatedImage": upload(png(800, 1200)),
        "productThumbnail.1": upload(png(2000, 1000, "red")),
    }

    response = ann.post(URL, form, format="multipart")

    body = response.json()
    look = Look.objects.get()
    dress, belt = Product.objects.order_by("position")
    assert response.status_code == 201
    assert response["Location"] == f"http://testserver{URL}/{look.pk}"
    assert body == {
        "id": str(look.pk),
        "title": "Stone Essence",
        "notes": "Grey on grey.",
        "generatedImageUrl": f"http://testserver/media/{look.image.name}",
        "thumbnailUrl": f"http://testserver/media/{look.thumbnail.name}",
        "products": [
            {"id": str(dress.pk), **DRESS, "thumbnailUrl": None},
            {
                "id": str(belt.pk),
                "sku": "",
                "name": "Belt",
                "designer": "",
                "price": None,
                "currency": "",
                "productUrl": None,
                "thumbnailUrl": f"http://testserver/media/{belt.thumbnail.name}",
            },
        ],
        "visibility": "private",
        "sharedWith": [],
        "sharedWithEmails": [],
        "videos": [],
        "canEdit": True,
        "createdAt": look.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "updatedAt": look.updated_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    assert as_stored(media, body["generatedImageUrl"]).read_bytes() == png(800, 1200)
    assert size_of(as_stored(media, body["thumbnailUrl"])) == (341, 512)
    assert size_of(as_stored(media, body["products"][1]["thumbnailUrl"])) == (512, 256)
    assert len(stored_files(media)) == 3
    assert not Disposal.objects.exists()
    assert ann.get(response["Location"]).json() == body
    assert ann.get(body["generatedImageUrl"].removeprefix("http://testserver")).status_code == 200


@pytest.mark.parametrize("head", ["", "data:image/png;base64,", "DATA:;BASE64,", "data:text/html;charset=x;base64,"])
def test_json_makes_the_same_look(ann: APIClient, media: Path, head: str) -> None:
    body = {
        "title": "Stone Essence",
        "notes": "Grey on grey.",
        "products": [DRESS, {**BELT, "thumbnailBase64": head + base64_of(png(600, 300, "red"))}],
        "generatedImageBase64": head + base64_of(png(800, 1200)),
    }

    response = ann.post(URL, body, format="json")

    shown = response.json()
    assert response.status_code == 201
    assert [product["name"] for product in shown["products"]] == ["Linen dress", "Belt"]
    assert as_stored(media, shown["generatedImageUrl"]).read_bytes() == png(800, 1200)
    assert size_of(as_stored(media, shown["products"][1]["thumbnailUrl"])) == (512, 256)


@pytest.mark.parametrize("change", [lambda text: text.rstrip("="), lambda text: "\n".join([text[:40], text[40:], ""])])
def test_base64_may_be_wrapped_or_unpadded(ann: APIClient, media: Path, change: Any) -> None:
    response = ann.post(URL, {"title": "x", "generatedImageBase64": change(base64_of(png()))}, format="json")

    assert as_stored(media, response.json()["generatedImageUrl"]).read_bytes() == png()


def test_title_alone_is_enough(ann: APIClient, media: Path) -> None:
    nothing = {"notes": None, "visibility": None, "products": None, "generatedImageBase64": None}

    response = ann.post(URL, {"title": "  Idea ", **nothing, "sharedWithUserIds": None}, format="json").json()

    assert (response["title"], response["notes"], response["generatedImageUrl"], response["thumbnailUrl"]) == (
        "Idea",
        "",
        None,
        None,
    )
    assert (response["products"], stored_files(media)) == ([], [])


def test_urlencoded_form_without_files_is_taken(ann: APIClient) -> None:
    response = ann.post(URL, "title=Idea&visibility=public", content_type="application/x-www-form-urlencoded")

    assert (response.status_code, response.json()["visibility"]) == (201, "public")


def test_picture_is_rid_of_its_location_and_bounded(ann: APIClient, media: Path, settings: Any) -> None:
    settings.LOOK_IMAGE_MAX_SIDE = 300
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825)[29] = "SecretPlace"
    data = saved(Image.new("RGB", (600, 300), "teal"), "JPEG", exif=exif)
    assert b"SecretPlace" in data

    response = ann.post(URL, {"title": "x", "generatedImage": upload(data)}, format="multipart").json()

    picture = as_stored(media, response["generatedImageUrl"])
    assert size_of(picture) == (150, 300)
    assert not any(b"SecretPlace" in (media / name).read_bytes() for name in stored_files(media))


@pytest.mark.parametrize(("kind", "extension"), [("GIF", "png"), ("TIFF", "jpg"), ("BMP", "jpg"), ("AVIF", "jpg")])
def test_other_formats_are_re_encoded(ann: APIClient, media: Path, kind: str, extension: str) -> None:
    response = ann.post(URL, {"title": "x", "generatedImage": upload(png(kind=kind))}, format="multipart")

    picture = as_stored(media, response.json()["generatedImageUrl"])
    assert (picture.suffix, size_of(picture)) == (f".{extension}", (40, 30))


def test_shared_look_names_its_readers(ann: APIClient, make_user: MakeUser) -> None:
    zoe, ben = make_user("zoe@example.com"), make_user("ben@example.com")
    body = {"title": "x", "visibility": "shared", "sharedWithUserIds": [str(zoe.pk).upper(), str(ben.pk), str(ben.pk)]}

    response = ann.post(URL, body, format="json")

    assert response.json()["sharedWith"] == [
        {"id": str(ben.pk), "email": "ben@example.com"},
        {"id": str(zoe.pk), "email": "zoe@example.com"},
    ]


@pytest.mark.parametrize("repeated", [True, False], ids=["repeated field", "JSON in one field"])
def test_form_names_readers_either_way(ann: APIClient, make_user: MakeUser, repeated: bool) -> None:
    ids = [str(make_user(f"{name}@example.com").pk) for name in ("ben", "zoe")]

    response = ann.post(
        URL, {"title": "x", "sharedWithUserIds": ids if repeated else json.dumps(ids)}, format="multipart"
    )

    assert [reader["id"] for reader in response.json()["sharedWith"]] == ids


def test_fifty_products_with_their_pictures_fit(ann: APIClient, media: Path) -> None:
    form: dict[str, Any] = {"title": "x", "generatedImage": upload(), "products": json.dumps([BELT] * 50)}
    form |= {f"productThumbnail.{index}": upload() for index in range(50)}

    response = ann.post(URL, form, format="multipart")

    assert (response.status_code, len(response.json()["products"]), len(stored_files(media))) == (201, 50, 52)


def test_price_may_be_a_number(ann: APIClient) -> None:
    body = {"title": "x", "products": [{**BELT, "price": 19.9, "currency": "eur"}, {**BELT, "price": 0}]}

    products = ann.post(URL, body, format="json").json()["products"]

    assert [(product["price"], product["currency"]) for product in products] == [("19.90", "EUR"), ("0.00", "")]


def test_picture_is_decoded_from_the_bytes_whatever_the_name_says(ann: APIClient, media: Path) -> None:
    form = {"title": "x", "generatedImage": upload(png(kind="JPEG"), "../../etc/passwd.html", "text/html")}

    response = ann.post(URL, form, format="multipart").json()

    picture = as_stored(media, response["generatedImageUrl"])
    with Image.open(io.BytesIO(picture.read_bytes())) as image:
        assert (image.format, picture.suffix) == ("JPEG", ".jpg")
    assert picture.parent == media / "looks" / response["id"]
