"""The oEmbed response of a shared look, after the specification at oembed.com."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from looks import links
from looks.models import LookLink
from tests.looks.public.conftest import Share, unversioned

pytestmark = pytest.mark.django_db


def ask(client: Client, link: LookLink, **query: Any) -> Any:
    return client.get("/oembed", {"url": f"http://testserver/l/{link.token}", **query})


def test_video(client: Client, link: LookLink) -> None:
    response = ask(client, link)
    url = f"http://testserver/l/{link.token}"

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert json.loads(unversioned(response.content.decode())) == {
        "version": "1.0",
        "type": "video",
        "title": "Stone & Essence",
        "provider_name": "AI Studio",
        "provider_url": "http://testserver/",
        "cache_age": 3600,
        "width": 360,
        "height": 640,
        "html": f'<video src="{url}/video.mp4" poster="{url}/poster-1200.jpg" width="360" height="640" controls muted '
        "loop playsinline></video>",
        "thumbnail_url": f"{url}/picture-1200.jpg",
        "thumbnail_width": 900,
        "thumbnail_height": 1200,
    }


def test_page_names_the_address_that_responds(client: Client, link: LookLink) -> None:
    page = client.get(f"/l/{link.token}").content.decode()
    found = re.search(r'<link rel="alternate" type="application/json\+oembed" href="([^"]+)"', page)

    assert found
    assert client.get(unescape(found[1])).json() == ask(client, link).json()


def test_look_without_a_video_is_a_picture_that_links_to_its_page(client: Client, share: Share) -> None:
    link = share(title='<i>"')
    body = ask(client, link).json()
    url = f"http://testserver/l/{link.token}"

    assert (body["type"], body["width"], body["height"]) == ("rich", 480, 640)
    assert unversioned(body["html"]) == (
        f'<a href="{url}"><img src="{url}/picture-1200.jpg" alt="&lt;i&gt;&quot;" width="480" height="640"></a>'
    )


def test_look_without_anything_is_its_title(client: Client, share: Share) -> None:
    body = ask(client, share(image=None, products=[])).json()

    assert (body["type"], "thumbnail_url" in body) == ("rich", False)
    assert body["html"].endswith(">Stone Essence</a>")


@pytest.mark.parametrize(
    ("query", "size", "has_thumbnail"),
    [
        ({"maxwidth": 180}, (180, 320), False),
        ({"maxheight": 160}, (90, 160), False),
        ({"maxwidth": 5000, "maxheight": 5000}, (720, 1280), True),
        ({"maxwidth": "wide", "maxheight": "-1"}, (360, 640), True),
        ({"maxwidth": "0"}, (360, 640), True),
        ({"maxwidth": "9" * 30}, (360, 640), True),
    ],
)
def test_limits(
    client: Client, link: LookLink, query: dict[str, Any], size: tuple[int, int], has_thumbnail: bool
) -> None:
    body = ask(client, link, **query).json()

    assert ((body["width"], body["height"]), "thumbnail_url" in body) == (size, has_thumbnail)


def test_only_format_is_json(client: Client, link: LookLink) -> None:
    assert ask(client, link, format="xml").status_code == 501
    assert ask(client, link, format="json").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://[", "http://testserver/l/", "http://testserver/", "http://testserver/l/{token}/video.mp4"),
        *("http://other.example.com/l/{token}", "http://testserver/api/v1/looks", "/l/{token}", "{token}"),
        "http://testserver/l/" + "0" * 26,
    ],
)
def test_other_urls_are_404(client: Client, link: LookLink, url: str) -> None:
    response = client.get(f"/oembed?url={quote(url.format(token=link.token))}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_revoked_link_is_404(client: Client, link: LookLink) -> None:
    links.revoke(link=link, actor=link.created_by)

    assert ask(client, link).status_code == 404
