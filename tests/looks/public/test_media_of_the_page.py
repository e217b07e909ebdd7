"""The picture and the video of the public page: which are shown, in which sizes, and what loads first."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from looks.models import Look, LookLink
from tests.looks.public.conftest import Share, unversioned
from tests.looks.public.test_page import text_of
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def test_still_video_waits_where_people_want_less_motion(client: Client, link: LookLink) -> None:
    moving, still = re.findall(r"<video.*?</video>", text_of(client, link), re.DOTALL)

    assert ("autoplay" in moving, 'media="(prefers-reduced-motion: no-preference)"' in moving) == (True, True)
    assert ("autoplay" in still, 'preload="none"' in still) == (False, True)


def test_picture_without_a_video_is_fetched_first(client: Client, share: Share) -> None:
    link = share()

    first = unversioned(client.get(f"/l/{link.token}")["Link"])

    sources = re.findall(r' srcset="([^"]+)" sizes="([^"]+)"', text_of(client, link))
    assert sources
    assert first.endswith(f'; imagesrcset="{sources[0][0]}"; imagesizes="{sources[0][1]}"')


@pytest.mark.parametrize(
    ("video", "picture", "layout"),
    [(True, True, "pair"), (True, False, "one"), (False, True, "one"), (False, False, "none")],
)
def test_page_does_without_what_a_look_lacks(
    client: Client, share: Share, video: bool, picture: bool, layout: str
) -> None:
    shown = {"video": {"aspect_ratio": "9:16"}} if video else {}
    page = text_of(client, share(**shown, **({} if picture else {"image": None}), products=[]))

    assert f"look-{layout}" in page
    assert ("<video" in page, "<img" in page, "og:image" in page, "og:video" in page) == (
        video,
        picture,
        video or picture,
        video,
    )


def test_wide_video_and_its_picture_are_stacked(client: Client, share: Share) -> None:
    assert "look-stack" in text_of(client, share(video={"aspect_ratio": "16:9"}))


@pytest.mark.parametrize("phase", [Phase.GENERATING, Phase.FAILED])
def test_default_video_that_is_not_there_is_not_shown(client: Client, share: Share, phase: Phase) -> None:
    link = share(video={"phase": phase, "video": "videos/unfinished.mp4"})

    assert "<video" not in text_of(client, link)
    assert client.get(f"/l/{link.token}/video.mp4").status_code == 404


def test_other_videos_of_the_look_are_not_shown(client: Client, share: Share, ann: User, make_video: Any) -> None:
    link = share()
    make_video(ann, look=link.look)

    assert "<video" not in text_of(client, link)
    assert client.get(f"/l/{link.token}/video.mp4").status_code == 404


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [("1080p", "16:9", (1920, 1080)), ("1280x720", "16:9", (1280, 720)), ("720p", "what", (1280, 720))],
)
def test_size_of_a_video_is_known_beforehand(
    client: Client, share: Share, resolution: str, ratio: str, size: tuple[int, int]
) -> None:
    link = share(video={"resolution": resolution, "aspect_ratio": ratio})

    assert f'width="{size[0]}" height="{size[1]}"' in text_of(client, link)


def test_delivered_shape_counts(client: Client, share: Share) -> None:
    link = share(video={"aspect_ratio": "16:9", "delivered_aspect_ratio": "9:16"})

    assert 'width="720" height="1280"' in text_of(client, link)


def test_picture_of_unknown_size_has_one_source(client: Client, share: Share) -> None:
    link = share()
    Look.objects.update(image_width=None, image_height=None)

    page = text_of(client, link)

    assert f'src="/l/{link.token}/picture-1600.webp"' in page
    assert "srcset" not in page
