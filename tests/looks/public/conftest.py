"""A shared look with a picture, products and a default video, and an empty storage for each test."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from accounts.models import User
from looks import links
from looks.models import LookLink
from studio.media.images import read_image
from tests.conftest import MakeUser
from tests.fixtures.looks import MakeLook, MakeVideo, png

VIDEO = b"not quite a video " * 1000
Share = Callable[..., LookLink]


@pytest.fixture(autouse=True)
def _empty_storage(media: Path) -> None:
    """The files of a test are its own."""


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


@pytest.fixture
def share(ann: User, make_look: MakeLook, make_video: MakeVideo) -> Share:
    """Makes a look with these fields, and a link to it; `video` are fields of its default video, None for none."""

    def make(*, video: dict[str, Any] | None = None, **fields: Any) -> LookLink:
        fields.setdefault("image", png(1200, 1600, kind="JPEG"))
        fields.setdefault("notes", "private-notes-marker")
        look = make_look(ann, **fields)
        if video is not None:
            job = make_video(ann, look=look, is_default=True, prompt="prompt-marker", **video)
            job.poster.name = f"videos/{job.pk}.jpg"
            job.save(update_fields=["poster"])
            default_storage.save(str(job.video.name), ContentFile(VIDEO))
            default_storage.save(str(job.poster.name), ContentFile(png(720, 1280, kind="JPEG")))
        return links.create(look_id=look.pk, user=ann)

    return make


@pytest.fixture
def link(share: Share) -> LookLink:
    gown = {
        "name": "Linen gown",
        "designer": "Maison Ash",
        "price": "1420.00",
        "currency": "EUR",
        "product_url": "https://www.shop.example.com/gown",
        "thumbnail": read_image(io.BytesIO(png())),
    }
    belt = {"name": "Belt <b>", "designer": "Maison Ash"}
    return share(title="Stone & Essence", products=[gown, belt], video={"aspect_ratio": "9:16"})


def unversioned(text: str) -> str:
    """The text without the versions of files, `?v=…`, which change with the stored name."""
    return re.sub(r"\?v=[0-9a-f]{8}", "", text)
