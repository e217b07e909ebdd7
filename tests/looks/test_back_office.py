"""The admin pages of looks: they show everything, and change and delete by the use cases."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from looks.models import Look, LookVideo, Product
from studio.models import Disposal
from studio.storage import disposal
from tests.conftest import MakeUser
from tests.looks.conftest import MakeLook, MakeVideo, stored_files
from videos.models import VideoJob

PAGES = "/admin/looks/look"


@pytest.fixture
def staff(make_user: MakeUser) -> Client:
    client = Client()
    client.force_login(make_user("staff@example.com", staff=True))
    return client


@pytest.fixture
def look(make_user: MakeUser, make_look: MakeLook, make_video: MakeVideo) -> Look:
    ann = make_user()
    look = make_look(ann, readers=(make_user("ben@example.com"),), visibility="shared")
    make_video(ann, look=look, is_default=True)
    return look


def test_list_shows_pictures_and_finds_by_product(staff: Client, look: Look) -> None:
    assert f'src="/media/{look.thumbnail.name}"' in staff.get(f"{PAGES}/").content.decode()
    assert str(look.pk) in staff.get(f"{PAGES}/?q=linen").content.decode()
    assert str(look.pk) not in staff.get(f"{PAGES}/?q=wool").content.decode()


def test_page_shows_all_that_belongs_to_a_look(staff: Client, look: Look) -> None:
    page = staff.get(f"{PAGES}/{look.pk}/change/").content.decode()

    for text in (str(look.thumbnail.name), "Linen dress", "SUCCEEDED", "ben@example.com", "ann@example.com"):
        assert text in page


def test_page_of_a_look_without_a_picture(staff: Client, look: Look, make_look: MakeLook) -> None:
    bare = make_look(look.owner, image=None)

    assert staff.get(f"{PAGES}/{bare.pk}/change/").status_code == 200


def test_corrected_words_are_found(staff: Client, look: Look, media: Path) -> None:
    files = stored_files(media)
    rows: dict[str, Any] = {
        f"{prefix}-{name}": "0"
        for prefix in ("products", "look_videos", "shares")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }

    answer = staff.post(f"{PAGES}/{look.pk}/change/", {"title": "Ash", "notes": "", "visibility": "private", **rows})

    look.refresh_from_db()
    assert (answer.status_code, look.title, look.visibility) == (302, "Ash", "private")
    assert Look.objects.search("ash").count() == Look.objects.search("linen").count() == 1
    assert (Product.objects.count(), LookVideo.objects.count(), stored_files(media)) == (2, 1, files)


@pytest.mark.parametrize("way", ["page", "list"])
def test_deleted_look_takes_its_pictures_with_it(staff: Client, look: Look, media: Path, way: str) -> None:
    if way == "page":
        staff.post(f"{PAGES}/{look.pk}/delete/", {"post": "yes"})
    else:
        staff.post(f"{PAGES}/", {"action": "delete_selected", "_selected_action": [str(look.pk)], "post": "yes"})

    assert not Look.objects.exists()
    assert (Disposal.objects.count(), disposal.sweep(), stored_files(media)) == (2, 2, [])
    assert VideoJob.objects.count() == 1


def test_nobody_adds_a_look_here(staff: Client) -> None:
    assert staff.get(f"{PAGES}/add/").status_code == 403
