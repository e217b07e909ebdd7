"""The public page of a look: what it shows, and what it never shows."""

import gzip
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import set_script_prefix

from looks.models import Look, LookLink, LookVideo
from studio.media.storage.external import name_at
from tests.looks.public.conftest import Share, unversioned

pytestmark = pytest.mark.django_db


def text_of(client: Client, link: LookLink) -> str:
    response = client.get(f"/l/{link.token}")
    assert response.status_code == 200
    return unversioned(response.content.decode())


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
        f"style-src {styles_of(response.content.decode())}; img-src 'self'; media-src 'self'"
    )
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "private, no-cache"
    assert unversioned(response["Link"]) == (
        f"</l/{link.token}/poster-960.webp>; rel=preload; as=image; fetchpriority=high"
    )
    assert not {"<script", " style="} & set(re.findall(r"<script| style=", response.content.decode()))


def styles_of(page: str) -> str:
    """The source of a content policy for the one style sheet that is in the page."""
    [text] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_page_needs_no_style_sheet_of_another_request(client: Client, link: LookLink) -> None:
    shown, gone = client.get(f"/l/{link.token}"), client.get("/l/unknown")

    assert "stylesheet" not in shown.content.decode() + gone.content.decode()
    assert f"style-src {styles_of(gone.content.decode())};" in gone["Content-Security-Policy"]


def test_page_is_compressed(client: Client, link: LookLink) -> None:
    response = client.get(f"/l/{link.token}", headers={"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert "<h1>Stone &amp; Essence</h1>" in gzip.decompress(response.content).decode()


def test_host_of_files_elsewhere_is_allowed_and_no_other(client: Client, share: Share) -> None:
    link = share()
    Look.objects.filter(pk=link.look_id).update(image=name_at("https://files.example.com/a/look.jpg"))

    response = client.get(f"/l/{link.token}")

    assert "img-src 'self' https://files.example.com;" in response["Content-Security-Policy"]
    assert 'src="https://files.example.com/a/look.jpg"' in response.content.decode()
    assert meta(response.content.decode())["og:image"] == "https://files.example.com/a/look.jpg"


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
