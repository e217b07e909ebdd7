"""The admin pages of looks: what they show, and that changes and deletions go through the use cases."""

from pathlib import Path
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.test import Client

from accounts import roles
from looks.models import Look, LookVideo, Product
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import MakeLook, MakeVideo, stored_files
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
    ben = make_user("ben@example.com")
    look = make_look(ann, readers=(ben,), emails=("zoe@example.com",), visibility="shared")
    make_video(ann, look=look, is_default=True)
    return look


def test_list_shows_pictures_and_finds_by_product(staff: Client, look: Look) -> None:
    assert f'src="/media/{look.thumbnail.name}"' in staff.get(f"{PAGES}/").content.decode()
    assert str(look.pk) in staff.get(f"{PAGES}/?q=linen").content.decode()
    assert str(look.pk) not in staff.get(f"{PAGES}/?q=wool").content.decode()


def test_page_shows_all_that_belongs_to_a_look(staff: Client, look: Look) -> None:
    page = staff.get(f"{PAGES}/{look.pk}/change/").content.decode()

    for text in (
        str(look.thumbnail.name),
        "Linen dress",
        "SUCCEEDED",
        "ben@example.com",
        "ann@example.com",
        "zoe@example.com",
    ):
        assert text in page


def test_page_of_a_look_without_a_picture(staff: Client, look: Look, make_look: MakeLook) -> None:
    bare = make_look(look.owner, image=None)

    assert staff.get(f"{PAGES}/{bare.pk}/change/").status_code == 200


def test_corrected_words_are_found(staff: Client, look: Look, media: Path) -> None:
    files = stored_files(media)
    rows: dict[str, Any] = {
        f"{prefix}-{name}": "0"
        for prefix in ("products", "look_videos", "shares", "email_shares", "links")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }

    response = staff.post(f"{PAGES}/{look.pk}/change/", {"title": "Ash", "notes": "", "visibility": "private", **rows})

    look.refresh_from_db()
    assert (response.status_code, look.title, look.visibility) == (302, "Ash", "private")
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


def test_looks_cannot_be_added_here(staff: Client) -> None:
    assert staff.get(f"{PAGES}/add/").status_code == 403


def test_list_shows_owner_and_number_of_videos(staff: Client, look: Look, make_video: MakeVideo) -> None:
    make_video(look.owner, look=look)

    row = staff.get(f"{PAGES}/").context["cl"].result_list[0]

    assert (row.owner.email, row.video_count) == ("ann@example.com", 2)


@pytest.mark.parametrize(
    ("words", "found"),
    [("stone", 1), ("LINEN", 1), ("ann@example.com", 1), ("ben@example.com", 0), ("{id}", 1), ("{owner}", 1), ("%", 0)],
)
def test_looks_are_searched(staff: Client, look: Look, words: str, found: int) -> None:
    query = words.format(id=look.pk, owner=look.owner_id)

    assert len(staff.get(f"{PAGES}/", {"q": query}).context["cl"].result_list) == found


def default_of(look: Look) -> list[VideoJob]:
    return [row.video for row in look.look_videos.filter(is_default=True)]


def test_another_video_is_chosen(staff: Client, look: Look, make_video: MakeVideo) -> None:
    former, video = default_of(look)[0], make_video(look.owner, look=look)

    page = staff.get(f"{PAGES}/{look.pk}/change/").content.decode()
    staff.post(f"{PAGES}/{look.pk}/default/{video.pk}/set/")

    assert f"{PAGES}/{look.pk}/default/{video.pk}/set/" in page
    assert f"{PAGES}/{look.pk}/default/{former.pk}/unset/" in page
    assert default_of(look) == [video]
    entry = LogEntry.objects.get()
    assert (entry.actor_email, entry.changes) == (
        "staff@example.com",
        {"default_video": [f"video without a prompt ({str(each.pk)[:8]})" for each in (former, video)]},
    )

    staff.post(f"{PAGES}/{look.pk}/default/{video.pk}/unset/")

    assert default_of(look) == []


def test_video_of_another_look_is_refused(staff: Client, look: Look, make_video: MakeVideo) -> None:
    former, stranger = default_of(look), make_video(look.owner)

    said = staff.post(f"{PAGES}/{look.pk}/default/{stranger.pk}/set/", follow=True).content.decode()

    assert ("Video is not associated with this look" in said, default_of(look)) == (True, former)


def test_choosing_needs_the_permission_and_a_post(staff: Client, look: Look, make_user: MakeUser) -> None:
    video = default_of(look)[0]
    url = f"{PAGES}/{look.pk}/default/{video.pk}/unset/"
    support, client = make_user("sue@example.com"), Client()
    roles.assign(user=support, role=roles.Role.SUPPORT)
    client.force_login(support)

    assert (client.post(url).status_code, staff.get(url).status_code, default_of(look)) == (403, 403, [video])


def test_staffs_edits_are_kept_and_the_api_s_are_not(
    staff: Client, look: Look, sign_in: SignIn, make_user: MakeUser
) -> None:
    staff.post(f"{PAGES}/{look.pk}/delete/", {"post": "yes"})
    deleted = LogEntry.objects.get()
    other = sign_in(look.owner).post("/api/v1/looks", {"title": "Ash"}).json()["id"]
    sign_in(look.owner).patch(f"/api/v1/looks/{other}", {"title": "Oak"})

    assert (deleted.action, deleted.actor_email, deleted.changes["title"]) == (
        2,
        "staff@example.com",
        ["Stone Essence", "None"],
    )
    assert LogEntry.objects.count() == 1
