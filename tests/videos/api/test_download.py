"""GET /api/v1/video-jobs/{id}/download: the file, in whole and in part."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.conftest import MakeUser, SignIn
from tests.fixtures.video_jobs import MakeJob
from videos.models import VideoJob
from videos.phases import Phase

BYTES = bytes(range(256)) * 1000
SIZE = len(BYTES)


@pytest.fixture
def stored(make_user: MakeUser, make_job: MakeJob) -> VideoJob:
    job = make_job(make_user(), phase=Phase.SUCCEEDED, prompt="Größe: a RED dress!", video_sha256="c0ffee")
    default_storage.save(str(job.video.name), ContentFile(BYTES))
    return job


@pytest.fixture
def fetch(stored: VideoJob, sign_in: SignIn) -> Any:
    client = sign_in(stored.owner)

    def get(query: str = "", method: str = "get", **headers: str) -> Any:
        return getattr(client, method)(f"/api/v1/video-jobs/{stored.pk}/download{query}", headers=headers)

    return get


def test_whole_file(fetch: Any, stored: VideoJob) -> None:
    response = fetch(Accept="video/mp4")

    assert response.status_code == 200
    assert {name: response[name] for name in ("Content-Type", "Content-Length", "ETag", "Accept-Ranges")} == {
        "Content-Type": "video/mp4",
        "Content-Length": str(SIZE),
        "ETag": '"c0ffee"',
        "Accept-Ranges": "bytes",
    }
    assert response["Content-Disposition"] == f'attachment; filename="groe-a-red-dress-{str(stored.pk)[:8]}.mp4"'
    assert b"".join(response.streaming_content) == BYTES


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=10-19", 10, 19),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        ("bytes=5-9999999", 5, SIZE - 1),
    ],
)
def test_part_of_the_file(fetch: Any, wanted: str, first: int, last: int) -> None:
    response = fetch(Range=wanted)

    assert (response.status_code, response["Content-Range"], response["Content-Length"]) == (
        206,
        f"bytes {first}-{last}/{SIZE}",
        str(last - first + 1),
    )
    assert b"".join(response.streaming_content) == BYTES[first : last + 1]


@pytest.mark.parametrize("wanted", [f"bytes={SIZE}-", "bytes=-0"])
def test_range_outside_the_file(fetch: Any, wanted: str) -> None:
    response = fetch(Range=wanted)

    assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize("wanted", ["bytes=9-5", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=x-"])
def test_range_that_makes_no_sense_is_ignored(fetch: Any, wanted: str) -> None:
    response = fetch(Range=wanted)

    assert (response.status_code, response["Content-Length"]) == (200, str(SIZE))


def test_range_of_another_version_is_ignored(fetch: Any) -> None:
    assert fetch(**{"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200
    assert fetch(**{"Range": "bytes=0-9", "If-Range": '"c0ffee"'}).status_code == 206


def test_part_of_a_weak_tag_is_the_whole_file(fetch: Any) -> None:
    assert fetch(**{"Range": "bytes=0-9", "If-Range": 'W/"c0ffee"'}).status_code == 200


@pytest.mark.parametrize("tags", ['"c0ffee"', 'W/"c0ffee"', '"other", "c0ffee"', '"a,b",W/"c0ffee" , "d"', "*"])
@pytest.mark.parametrize("method", ["get", "head"])
def test_client_that_has_it_gets_nothing(fetch: Any, tags: str, method: str) -> None:
    response = fetch(method=method, **{"If-None-Match": tags})

    assert (response.status_code, response.content, response["ETag"]) == (304, b"", '"c0ffee"')


@pytest.mark.parametrize("tags", ['"other"', "c0ffee", '"c0ffee', '"c0ffee-2"', ""])
def test_client_that_has_another_file_gets_it(fetch: Any, tags: str) -> None:
    assert fetch(**{"If-None-Match": tags}).status_code == 200


def test_head_has_the_headers_only(fetch: Any) -> None:
    response = fetch(method="head")

    assert (response.status_code, response["Content-Length"], b"".join(response.streaming_content)) == (
        200,
        str(SIZE),
        b"",
    )


def test_head_knows_no_parts(fetch: Any) -> None:
    response = fetch(method="head", Range="bytes=0-9")

    assert (response.status_code, response["Content-Length"]) == (200, str(SIZE))


def test_redirect_to_the_storage(fetch: Any, stored: VideoJob) -> None:
    response = fetch("?redirect=true")

    assert (response.status_code, response["Location"]) == (
        302,
        f"http://testserver/media/videos/{stored.pk}.mp4?download=1",
    )


@pytest.mark.parametrize("method", ["get", "head"])
def test_nginx_sends_the_file_if_configured(fetch: Any, stored: VideoJob, settings: Any, method: str) -> None:
    settings.X_ACCEL_REDIRECT = "/protected-media"

    response = fetch(method=method, **{"Range": "bytes=0-9", "If-None-Match": '"c0ffee"'})

    assert (response.status_code, response.content) == (200, b"")
    wanted = ("X-Accel-Redirect", "Content-Type", "Cache-Control", "X-Content-Type-Options", "Content-Disposition")
    assert {name: response[name] for name in wanted} == {
        "X-Accel-Redirect": f"/protected-media/videos/{stored.pk}.mp4",
        "Content-Type": "video/mp4",
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="groe-a-red-dress-{str(stored.pk)[:8]}.mp4"',
    }
    assert "ETag" not in response  # nginx has its own, and would not know ours again


def test_nginx_is_not_sent_for_what_is_not_there(fetch: Any, stored: VideoJob, settings: Any) -> None:
    settings.X_ACCEL_REDIRECT = "/protected-media"
    default_storage.delete(str(stored.video.name))

    response = fetch()

    assert (response.status_code, response.json()["code"]) == (503, "storage_unreadable")


def test_media_url_is_for_nginx_too(stored: VideoJob, anonymous: Any, settings: Any) -> None:
    settings.X_ACCEL_REDIRECT = "/protected-media"
    default_storage.save("videos/a picture.png", ContentFile(b"pixels"))

    response = anonymous.get("/media/videos/a picture.png")
    default_storage.delete("videos/a picture.png")

    assert (response["X-Accel-Redirect"], response["Content-Type"]) == (
        "/protected-media/videos/a%20picture.png",
        "image/png",
    )


def test_unready_video_is_a_conflict(make_user: MakeUser, make_job: MakeJob, sign_in: SignIn) -> None:
    job = make_job(make_user(), phase=Phase.STORING)

    response = sign_in(job.owner).get(f"/api/v1/video-jobs/{job.pk}/download")

    assert (response.status_code, response.json()) == (
        409,
        {"detail": "The video is not ready; its status is RUNNING.", "code": "not_ready"},
    )


def test_lost_file_is_not_a_crash(fetch: Any, stored: VideoJob) -> None:
    default_storage.delete(str(stored.video.name))

    response = fetch()

    assert (response.status_code, response.json()["code"]) == (503, "storage_unreadable")


def test_stranger_gets_nothing(stored: VideoJob, make_user: MakeUser, sign_in: SignIn) -> None:
    response = sign_in(make_user("ben@example.com")).get(f"/api/v1/video-jobs/{stored.pk}/download")

    assert response.status_code == 403


def test_media_url_plays_in_a_browser(stored: VideoJob, anonymous: Any) -> None:
    response = anonymous.get(f"/media/{stored.video.name}", headers={"Range": "bytes=0-"})

    assert (response.status_code, response["Content-Type"]) == (206, "video/mp4")
    assert b"".join(response.streaming_content) == BYTES


@pytest.mark.parametrize("by_nginx", [False, True])
def test_media_url_is_saved_where_it_asks_for_it(
    stored: VideoJob, anonymous: Any, settings: Any, by_nginx: bool
) -> None:
    settings.X_ACCEL_REDIRECT = "/protected-media" if by_nginx else ""
    name = f"/media/{stored.video.name}"

    saved, shown, refused = (anonymous.get(f"{name}{query}") for query in ("?download=1", "", "?download=0"))

    assert saved["Content-Disposition"] == f'attachment; filename="{stored.pk}.mp4"'
    assert "Content-Disposition" not in shown.headers
    assert "Content-Disposition" not in refused.headers


@pytest.mark.parametrize(
    "name", ["../secrets/secret_key", "videos/../../secrets/secret_key", "videos/none.mp4", "x.html"]
)
def test_media_serves_nothing_else(anonymous: Any, db: None, name: str) -> None:
    response = anonymous.get(f"/media/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_redirect_is_true_or_false_and_never_guessed(make_user: MakeUser, make_job: MakeJob, sign_in: SignIn) -> None:
    ann = make_user()
    job = make_job(ann, phase=Phase.SUCCEEDED)

    response = sign_in(ann).get(f"/api/v1/video-jobs/{job.pk}/download?redirect=")

    assert (response.status_code, sorted(response.json()["errors"])) == (400, ["redirect"])
