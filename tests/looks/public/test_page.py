"""The public page of a look: what it shows, to whom, and what it never shows."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import set_script_prefix
from django.utils import timezone

from accounts import access
from accounts.models import User
from accounts.own_account import deletion
from looks import links, use_cases
from looks.models import Look, LookLink, LookVideo
from studio.media.storage.external import name_at
from tests.looks.public.conftest import Share
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def text_of(client: Client, link: LookLink) -> str:
    response = client.get(f"/l/{link.token}")
    assert response.status_code == 200
    return response.content.decode()


def meta(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', page)
    return {name: unescape(content) for name, content in found}


def test_page_shows_the_look_to_everyone(client: Client, link: LookLink) -> None:
    page = text_of(client, link)
    base = f"/l/{link.token}"

    assert "<h1>Stone &amp; Essence</h1>" in page
    assert '<p class="designers">Maison Ash</p>' in page
    assert "<h3>Belt &lt;b&gt;</h3>" in page
    assert "EUR 1,420<" in page
    assert '<a href="https://www.shop.example.com/gown" rel="nofollow noopener noreferrer">shop.example.com' in page
    assert f'src="{base}/product-0-480.webp"' in page
    assert (
        f'srcset="{base}/picture-480.webp 360w, {base}/picture-960.webp 720w, {base}/picture-1600.webp 1200w"' in page
    )
    assert 'width="1200" height="1600"' in page
    assert re.search(rf'<video [^>]*width="720" height="1280"[^>]*poster="{base}/poster-960.webp"', page)
    assert "controls playsinline muted autoplay loop>" in page


def test_still_video_waits_where_people_want_less_motion(client: Client, link: LookLink) -> None:
    moving, still = re.findall(r"<video.*?</video>", text_of(client, link), re.DOTALL)

    assert ("autoplay" in moving, 'media="(prefers-reduced-motion: no-preference)"' in moving) == (True, True)
    assert ("autoplay" in still, 'preload="none"' in still) == (False, True)


def test_previews_have_absolute_addresses(client: Client, link: LookLink) -> None:
    found = meta(text_of(client, link))
    url = f"http://testserver/l/{link.token}"

    assert {name: found[name] for name in found if name.startswith(("og:", "twitter:"))} == {
        "og:site_name": "AI Studio",
        "og:type": "video.other",
        "og:title": "Stone & Essence",
        "og:description": "Linen gown, Belt <b>",
        "og:url": url,
        "og:image": f"{url}/picture-1200.jpg",
        "og:image:alt": "Stone & Essence",
        "og:image:width": "900",
        "og:image:height": "1200",
        "og:video": f"{url}/video.mp4",
        "og:video:type": "video/mp4",
        "og:video:width": "720",
        "og:video:height": "1280",
        "twitter:card": "summary_large_image",
    }


def test_page_names_no_owner_no_ids_no_notes_and_no_prompt(client: Client, link: LookLink) -> None:
    response = client.get(f"/l/{link.token}")
    page = response.content.decode() + str(response.headers)
    video = LookVideo.objects.get()
    secrets = [link.pk, link.look_id, video.pk, video.video_id, link.look.owner_id, link.look.products.first().pk]

    shown = [
        text for text in (*secrets, "ann@", "notes-marker", "prompt-marker") if str(text).partition("-")[0] in page
    ]

    assert shown == []


def test_headers(client: Client, link: LookLink) -> None:
    response = client.get(f"/l/{link.token}")

    assert response["Content-Security-Policy"] == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "style-src 'self'; img-src 'self'; media-src 'self'"
    )
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Link"].split(", ")[0] == (
        f"</l/{link.token}/poster-960.webp>; rel=preload; as=image; fetchpriority=high"
    )
    assert not {"<script", " style=", "<style"} & set(re.findall(r"<script|<style| style=", response.content.decode()))


def test_picture_without_a_video_is_fetched_first(client: Client, share: Share) -> None:
    link = share()

    first = client.get(f"/l/{link.token}")["Link"].partition(", </static/")[0]

    sources = re.findall(r' srcset="([^"]+)" sizes="([^"]+)"', text_of(client, link))
    assert sources
    assert first.endswith(f'; imagesrcset="{sources[0][0]}"; imagesizes="{sources[0][1]}"')


def test_host_of_files_elsewhere_is_allowed_and_no_other(client: Client, share: Share) -> None:
    link = share()
    Look.objects.filter(pk=link.look_id).update(image=name_at("https://files.example.com/a/look.jpg"))

    response = client.get(f"/l/{link.token}")

    assert "img-src 'self' https://files.example.com;" in response["Content-Security-Policy"]
    assert 'src="https://files.example.com/a/look.jpg"' in response.content.decode()
    assert meta(response.content.decode())["og:image"] == "https://files.example.com/a/look.jpg"


@pytest.mark.parametrize("visibility", ["private", "shared", "public"])
def test_visibility_does_not_matter(client: Client, share: Share, visibility: str) -> None:
    assert "<h1>" in text_of(client, share(visibility=visibility))


def end(how: str, link: LookLink) -> str:
    """End the link; returns the token to ask with."""
    if how == "revoked":
        links.revoke(link=link, actor=link.created_by)
    elif how == "expired":
        LookLink.objects.filter(pk=link.pk).update(expires_at=timezone.now())
    elif how == "look deleted":
        use_cases.delete_look(look_id=link.look_id)
    elif how == "owner deactivated":
        access.deactivate(user=link.look.owner)
    elif how == "account deleted":
        deletion.delete(user=link.look.owner)
    return {"unknown": "x" * 26, "malformed": "x\x00", "other case": link.token.swapcase()}.get(how, link.token)


ENDS = [
    "revoked",
    "expired",
    "look deleted",
    "owner deactivated",
    "account deleted",
    "unknown",
    "malformed",
    "other case",
]


@pytest.mark.parametrize("how", ENDS)
def test_every_end_is_the_same_404(client: Client, link: LookLink, how: str) -> None:
    token = end(how, link)

    page = client.get(f"/l/{token}")
    unknown = client.get(f"/l/{'0' * 26}")

    assert (page.status_code, page.content) == (404, unknown.content)
    assert page["Cache-Control"] == "private, no-cache"
    assert page["Content-Type"].startswith("text/html")
    files = [client.get(f"/l/{token}/{name}") for name in ("video.mp4", "picture-960.webp", "poster-960.webp")]
    assert [file.status_code for file in files] == [404] * 3


def test_link_with_an_end_works_until_then(client: Client, link: LookLink) -> None:
    LookLink.objects.filter(pk=link.pk).update(expires_at=timezone.now() + timedelta(minutes=1))

    assert client.get(f"/l/{link.token}").status_code == 200


def test_trailing_slash_and_head_work(client: Client, link: LookLink) -> None:
    head = client.head(f"/l/{link.token}")

    assert client.get(f"/l/{link.token}/").status_code == 200
    assert (head.status_code, head.content) == (200, b"")
    assert client.post(f"/l/{link.token}").status_code == 405


def test_view_is_recorded_to_the_hour(client: Client, link: LookLink) -> None:
    client.head(f"/l/{link.token}")
    link.refresh_from_db()
    before = link.last_viewed_at

    client.get(f"/l/{link.token}")
    link.refresh_from_db()
    first = link.last_viewed_at
    client.get(f"/l/{link.token}")
    link.refresh_from_db()

    assert before is None
    assert first is not None
    assert link.last_viewed_at == first
    LookLink.objects.update(last_viewed_at=first - timedelta(hours=2))
    client.get(f"/l/{link.token}")
    link.refresh_from_db()
    assert link.last_viewed_at is not None
    assert link.last_viewed_at >= first


def test_statements_are_as_many_for_one_product_as_for_three(client: Client, share: Share) -> None:
    counts = []
    for number in (1, 3):
        link = share(products=[{"name": "Belt"}] * number, video={})
        client.get(f"/l/{link.token}")
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/l/{link.token}")
        counts.append(len(queries))

    assert counts == [3, 3]  # the link with its look; the default video; the products


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


@pytest.fixture
def base_path(settings: Any) -> Iterator[str]:
    settings.BASE_PATH = settings.FORCE_SCRIPT_NAME = "/AIStudio"
    set_script_prefix("/AIStudio/")  # the WSGI handler does this, the test client's does not
    yield "/AIStudio"
    set_script_prefix("/")


def test_base_path_is_in_every_address(client: Client, link: LookLink, base_path: str) -> None:
    page = client.get(f"{base_path}/l/{link.token}").content.decode()

    found = re.findall(r'(?:src|href|poster|content)="((?:/|http://testserver)[^"]*)"', page)
    own = [url for url in found if not url.startswith("/static/")]  # their prefix is read at the start
    assert len(own) > 10
    assert [url for url in own if not url.removeprefix("http://testserver").startswith(f"{base_path}/")] == []
