"""PATCH /api/v1/looks/{id}: what changes, what stays, and which pictures are removed in the background."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.own_account import deletion
from looks import use_cases
from looks.fields import look_picture
from looks.models import Look, Product
from studio.errors import InvalidInput
from studio.http.bodies import WITHOUT_END
from studio.media.images import ImageFile
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import (
    URL,
    MakeLook,
    base64_of,
    png,
    stored_files,
    upload,
)
from videos.models import VideoJob


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user()


@pytest.fixture
def client(ann: Any, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


def _picture() -> ImageFile:
    return look_picture(io.BytesIO(png()))


def waiting_to_go() -> set[str]:
    return set(Disposal.objects.values_list("name", flat=True))


def test_only_what_is_given_changes(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann, notes="Grey on grey.")
    before = client.get(f"{URL}/{look.pk}").json()

    response = client.patch(f"{URL}/{look.pk}", {"title": "Ash", "visibility": "public"}, format="json")

    after = response.json()
    assert response.status_code == 200
    assert after.pop("updatedAt") > before.pop("updatedAt")
    assert after == {**before, "title": "Ash", "visibility": "public"}
    assert not Disposal.objects.exists()


@pytest.mark.parametrize("body", [{}, {"title": None, "products": None, "generatedImageBase64": None}])
def test_nothing_given_changes_nothing(client: APIClient, ann: Any, make_look: MakeLook, body: dict[str, Any]) -> None:
    look = make_look(ann)
    before = client.get(f"{URL}/{look.pk}").json()

    after = client.patch(f"{URL}/{look.pk}", body, format="json").json()

    assert {**after, "updatedAt": ""} == {**before, "updatedAt": ""}


def test_patch_without_a_body_is_no_error(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    assert client.patch(f"{URL}/{make_look(ann).pk}", content_type="application/json").status_code == 200


@pytest.mark.parametrize("way", ["form", "json"])
def test_new_picture_replaces_the_old_one(
    client: APIClient, ann: Any, make_look: MakeLook, media: Path, way: str
) -> None:
    look = make_look(ann)
    old = {look.image.name, look.thumbnail.name}

    if way == "form":
        response = client.patch(f"{URL}/{look.pk}", {"generatedImage": upload(png(colour="red"))}, format="multipart")
    else:
        body = {"generatedImageBase64": base64_of(png(colour="red"))}
        response = client.patch(f"{URL}/{look.pk}", body, format="json")

    look.refresh_from_db()
    assert response.json()["generatedImageUrl"] == f"http://testserver/media/{look.image.name}"
    assert (media / str(look.image.name)).read_bytes() == png(colour="red")
    assert waiting_to_go() == old
    assert disposal.sweep() == 2
    assert stored_files(media) == sorted([str(look.image.name), str(look.thumbnail.name)])
    assert not Disposal.objects.exists()


def test_products_are_replaced_whole(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann)

    response = client.patch(f"{URL}/{look.pk}", {"products": [{"name": "Scarf"}]}, format="json")

    assert [product["name"] for product in response.json()["products"]] == ["Scarf"]
    assert list(Product.objects.values_list("name", "position")) == [("Scarf", 0)]
    assert client.patch(f"{URL}/{look.pk}", {"products": []}, format="json").json()["products"] == []


def test_form_replaces_products_and_leaves_the_rest(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann, notes="Grey on grey.")
    form = {"products": json.dumps([{"name": "Scarf"}]), "productThumbnail.0": upload()}

    body = client.patch(f"{URL}/{look.pk}", form, format="multipart").json()

    assert (body["notes"], body["title"], len(body["products"])) == ("Grey on grey.", "Stone Essence", 1)
    assert body["products"][0]["thumbnailUrl"] is not None


def test_product_of_a_patch_needs_a_name_too(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    response = client.patch(f"{URL}/{make_look(ann).pk}", {"products": [{"sku": "x"}]}, format="json")

    assert response.json()["errors"] == {"products.0.name": ["This field is required."]}
    assert Product.objects.count() == 2


def test_product_sent_back_keeps_its_thumbnail(client: APIClient, ann: Any, make_look: MakeLook, media: Path) -> None:
    form = {
        "title": "x",
        "products": json.dumps([{"name": name} for name in ("Dress", "Belt", "Hat")]),
        **{f"productThumbnail.{index}": upload(png(20 + index, 20)) for index in range(3)},
    }
    look = client.post(URL, form, format="multipart").json()
    dress, belt, hat = look["products"]
    names = {product["name"]: product["thumbnailUrl"].partition("/media/")[2] for product in look["products"]}

    # the hat first and dearer, the belt with another picture, the dress gone, a scarf as new, the hat's id once more
    products = [
        {**hat, "price": "10"},
        {**belt, "thumbnailBase64": base64_of(png(5, 5))},
        {"id": "temp-1", "name": "Scarf"},
        {"id": hat["id"], "name": "Second hat"},
        {"id": look["id"], "name": "Third hat"},
    ]
    response = client.patch(f"{URL}/{look['id']}", {"products": products}, format="json")

    after = response.json()["products"]
    assert response.status_code == 200
    assert after[0] == {**hat, "price": "10.00"}
    assert after[1] == {**belt, "thumbnailUrl": after[1]["thumbnailUrl"]}
    assert after[1]["thumbnailUrl"] not in {belt["thumbnailUrl"], None}
    assert [product["thumbnailUrl"] for product in after[2:]] == [None, None, None]
    assert not {product["id"] for product in after[2:]} & {hat["id"], dress["id"], look["id"]}
    assert waiting_to_go() == {names["Dress"], names["Belt"]}
    disposal.sweep()
    assert len(stored_files(media)) == 2


def test_readers_are_replaced_and_kept_while_private(
    client: APIClient, ann: Any, make_look: MakeLook, make_user: MakeUser
) -> None:
    ben, zoe = make_user("ben@example.com"), make_user("zoe@example.com")
    look = make_look(ann, readers=(ben,), visibility="shared")

    client.patch(f"{URL}/{look.pk}", {"sharedWithUserIds": [str(zoe.pk)]}, format="json")
    body = client.patch(f"{URL}/{look.pk}", {"visibility": "private"}, format="json").json()

    assert body["sharedWith"] == [{"id": str(zoe.pk), "email": "zoe@example.com"}]
    assert client.patch(f"{URL}/{look.pk}", {"sharedWithUserIds": []}, format="json").json()["sharedWith"] == []


def test_form_can_empty_the_list_of_readers(
    client: APIClient, ann: Any, make_look: MakeLook, make_user: MakeUser
) -> None:
    look = make_look(ann, readers=(make_user("ben@example.com"),))

    response = client.patch(f"{URL}/{look.pk}", {"sharedWithUserIds": ""}, format="multipart")

    assert response.json()["sharedWith"] == []


def test_deleted_account_is_no_reader(
    client: APIClient, ann: Any, make_look: MakeLook, make_user: MakeUser, media: Path
) -> None:
    ben, zoe = make_user("ben@example.com"), make_user("zoe@example.com")
    look = make_look(ann, readers=(ben, zoe), image=None)
    deletion.delete(user=zoe)

    shown = client.get(f"{URL}/{look.pk}").json()["sharedWith"]
    refused = client.patch(f"{URL}/{look.pk}", {"sharedWithUserIds": [str(zoe.pk)]}, format="json")

    assert [reader["id"] for reader in shown] == [str(ben.pk)]
    assert (refused.status_code, refused.json()["errors"]) == (
        400,
        {"sharedWithUserIds": [f"There is no user {zoe.pk}."]},
    )
    assert client.get(f"{URL}/{look.pk}").json()["sharedWith"] == shown


def test_refused_change_leaves_everything(
    client: APIClient, ann: Any, make_look: MakeLook, media: Path, make_user: MakeUser
) -> None:
    look = make_look(ann)
    before, files = client.get(f"{URL}/{look.pk}").json(), stored_files(media)
    bad = {"sharedWithUserIds": [str(look.pk)]}

    responses = [
        client.patch(f"{URL}/{look.pk}", {"title": "New", **change}, format="json")
        for change in (bad, {"generatedImageBase64": base64_of(b"<html>")}, {"products": [{}]}, {"title": ""})
    ]

    assert [response.status_code for response in responses] == [400] * 4
    assert client.get(f"{URL}/{look.pk}").json() == before
    assert stored_files(media) == files
    assert not Disposal.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_moment_leave_one_of_them_whole(
    make_user: MakeUser, make_look: MakeLook, media: Path
) -> None:
    look = make_look(make_user())
    failures: list[BaseException] = []

    def change(number: int) -> None:
        try:
            products: Any = [{"name": f"{number}-{index}"} for index in range(3)]
            use_cases.update_look(look_id=look.pk, title=str(number), products=products, image=_picture())
        except BaseException as exc:
            failures.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    look = Look.objects.get()
    assert failures == []
    assert list(look.products.order_by("position").values_list("name", flat=True)) == [
        f"{look.title}-{index}" for index in range(3)
    ]
    assert len(waiting_to_go()) == 2 * 8
    disposal.sweep()
    assert stored_files(media) == sorted([str(look.image.name), str(look.thumbnail.name)])


def test_reader_who_does_not_exist_is_refused_by_the_use_case(ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann)

    with pytest.raises(InvalidInput) as refusal:
        use_cases.update_look(look_id=look.pk, shared_with_user_ids=[look.pk])

    assert refusal.value.errors == {"sharedWithUserIds": [f"There is no user {look.pk}."]}


NO_FORMS = {
    "no boundary in it": b"[]",
    "another boundary": b'--other\r\nContent-Disposition: form-data; name="title"\r\n\r\nAsh\r\n--other--\r\n',
    "a part without a name": b"--limit\r\n\r\nAsh\r\n--limit--\r\n",
}


@pytest.mark.parametrize("body", NO_FORMS.values(), ids=NO_FORMS)
@pytest.mark.parametrize("way", ["change a look", "create a look", "create a video"])
def test_body_that_is_no_form_is_refused(
    client: APIClient, ann: Any, make_look: MakeLook, way: str, body: bytes
) -> None:
    look = make_look(ann)
    method, path = {
        "change a look": ("PATCH", f"{URL}/{look.pk}"),
        "create a look": ("POST", URL),
        "create a video": ("POST", "/api/v1/video-jobs"),
    }[way]
    before = client.get(f"{URL}/{look.pk}").json()

    response = client.generic(method, path, body, "multipart/form-data; boundary=limit")

    has_an_end = body.endswith(b"--limit--\r\n")
    detail = "Multipart form parse error - the body is not a form with this boundary" if has_an_end else WITHOUT_END
    code = "parse_error" if has_an_end else "incomplete_body"
    assert (response.status_code, response.json()) == (400, {"detail": detail, "code": code})
    assert (client.get(f"{URL}/{look.pk}").json(), Look.objects.count(), VideoJob.objects.count()) == (before, 1, 0)


@pytest.mark.parametrize("body", [b"", b"--limit--\r\n", b"\r\n--limit--"])
def test_form_without_fields_changes_nothing(client: APIClient, ann: Any, make_look: MakeLook, body: bytes) -> None:
    look = make_look(ann)
    before = client.get(f"{URL}/{look.pk}").json()

    response = client.generic("PATCH", f"{URL}/{look.pk}", body, "multipart/form-data; boundary=limit")

    assert (response.status_code, response.json()["title"]) == (200, before["title"])
