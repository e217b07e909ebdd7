"""DELETE /api/v1/looks/{id}: rows go at once, pictures in the background, and videos stay."""

import io
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from looks import use_cases
from looks.fields import look_picture
from looks.models import Look, LookShare, LookVideo, Product
from studio.errors import NotFound
from studio.media.images import ImageFile
from studio.media.storage import disposal
from studio.models import Disposal
from tests.conftest import MakeUser, SignIn
from tests.fixtures.looks import URL, MakeLook, MakeVideo, nothing_kept, png, put_file, stored_files
from videos.models import VideoJob


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user()


@pytest.fixture
def client(ann: Any, sign_in: SignIn) -> APIClient:
    return sign_in(ann)


def _picture() -> ImageFile:
    return look_picture(io.BytesIO(png()))


def test_change_of_a_look_that_has_just_gone_leaves_nothing(ann: Any, make_look: MakeLook, media: Path) -> None:
    look = make_look(ann, image=None, products=[])
    use_cases.delete_look(look_id=look.pk)

    with pytest.raises(NotFound):
        use_cases.update_look(look_id=look.pk, image=_picture())

    assert Disposal.objects.count() == 2
    disposal.sweep()
    assert nothing_kept(media)


def test_deleted_look_takes_pictures_and_links_with_it_but_no_video(
    client: APIClient, ann: Any, make_look: MakeLook, make_video: MakeVideo, make_user: MakeUser, media: Path
) -> None:
    neighbour = make_look(ann)
    kept = stored_files(media)
    look = make_look(ann, readers=(make_user("ben@example.com"),), products=[{"name": "x", "thumbnail": _picture()}])
    video = make_video(ann, look=look, is_default=True)
    put_file(str(video.video.name))

    response = client.delete(f"{URL}/{look.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert client.get(f"{URL}/{look.pk}").status_code == 404
    assert list(Look.objects.values_list("pk", flat=True)) == [neighbour.pk]
    assert (LookVideo.objects.count(), LookShare.objects.count(), Product.objects.count()) == (0, 0, 2)
    assert VideoJob.objects.filter(pk=video.pk).exists()
    assert len(stored_files(media)) == len(kept) + 4  # not while the client waits
    assert disposal.sweep() == 3
    assert stored_files(media) == sorted([*kept, str(video.video.name)])


def test_deleted_look_is_gone_for_a_second_delete(client: APIClient, ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann)

    assert [client.delete(f"{URL}/{look.pk}").status_code for _ in range(2)] == [204, 404]
