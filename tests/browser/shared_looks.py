"""Looks with a link, made through the API of a running product, for tests of the public page."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx

from studio.env import PROJECT
from tests.running import RunningStudio, wait_for

PICTURE = PROJECT / "operations" / "demo" / "stone-essence.jpg"
LONG = "a linen gown with hand-embroidered peonies and a very long description " * 2
PRODUCTS = [
    {"name": "Washed linen gown", "designer": "Maison Ash", "price": "420.00", "currency": "EUR"},
    {"name": LONG, "designer": "Maison-Ash-" * 9, "price": "1234567890.50", "currency": "EUR"},
]
SHOP = "https://www.shop-with-a-very-long-name-of-its-host.example.com/gown"


@dataclass(frozen=True)
class SharedLook:
    """A look's id, and its link as the API shows it."""

    id: str
    link_id: str
    url: str


def share(studio: RunningStudio, *, aspect_ratio: str | None = "9:16", picture: Path | None = PICTURE) -> SharedLook:
    """Make an account with a look, a default video in this shape, if any, and a link."""
    with studio.client(
        f"ann-{(aspect_ratio or 'none').replace(':', '-')}-{bool(picture)}@example.com".lower()
    ) as client:
        form = {"title": "Stone Essence", "products": json.dumps([{**one, "productUrl": SHOP} for one in PRODUCTS])}
        files = {"generatedImage": picture.read_bytes()} if picture else None
        look_id = _created(client.post("/api/v1/looks", data=form, files=files))["id"]
        if aspect_ratio:
            job = {"mockMode": True, "lookId": look_id, "aspectRatio": aspect_ratio, "durationSeconds": 4}
            job_id = _created(client.post("/api/v1/video-jobs", json={**job, "prompt": "a slow turn"}))["id"]
            assert wait_for(client, [job_id], seconds=120)[0]["status"] == "SUCCEEDED"
            client.patch(f"/api/v1/video-jobs/{job_id}/set-default-for-look/{look_id}").raise_for_status()
        link = _created(client.post(f"/api/v1/looks/{look_id}/links", json={}))
        return SharedLook(look_id, link["id"], link["url"])


def _created(response: httpx.Response) -> dict[str, str]:
    response.raise_for_status()
    body: dict[str, str] = response.json()
    return body
