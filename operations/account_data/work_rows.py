"""The rows of an export that show a user's work: looks and video jobs, as the API represents them."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from looks.models import Look, LookEmailShare, LookLink, LookShare, LookVideo, Product
from looks.representation import LOOK, PRODUCT
from studio.api.row_serializers import absolute
from studio.db import batches
from studio.media.storage import media_storage
from videos.api.representation import JOB
from videos.models import JobInput, VideoJob, WebhookEndpoint

PAGE = 500  # rows in memory at once
Row = tuple[Any, ...]
# Without the addresses: the file may be passed on, and an address opens the look to everyone.
_LINK = {
    "id": "id",
    "createdAt": "created_at",
    "expiresAt": "expires_at",
    "revokedAt": "revoked_at",
    "lastViewedAt": "last_viewed_at",
}


def looks(user: User, origin: str) -> Iterator[dict[str, Any]]:
    """The user's looks, oldest first, with products, shares, links and the ids of their videos."""
    look, product = LOOK.of(origin), PRODUCT.of(origin)
    for page in _pages(Look.objects.filter(owner=user), LOOK.columns):
        ids = [row[0] for row in page]
        products = Product.objects.filter(look__in=ids).order_by("look", "position")
        of_look = _grouped(products.values_list("look", *PRODUCT.columns))
        readers = _grouped(LookShare.objects.filter(look__in=ids).values_list("look", "user"))
        emails = _grouped(LookEmailShare.objects.filter(look__in=ids).values_list("look", "email"))
        links = _grouped(LookLink.objects.filter(look__in=ids).values_list("look", *_LINK.values()))
        videos = _grouped(LookVideo.objects.filter(look__in=ids).values_list("look", "video"))
        for pk, *columns in page:
            yield _documented(look(columns, products=[product(row) for row in of_look[pk]])) | {
                "sharedWithUserIds": [user_id for (user_id,) in readers[pk]],
                "sharedWithEmails": [email for (email,) in emails[pk]],
                "links": [dict(zip(_LINK, link, strict=True)) for link in links[pk]],
                "videoJobIds": [video_id for (video_id,) in videos[pk]],
            }


def video_jobs(user: User, origin: str) -> Iterator[dict[str, Any]]:
    """The user's video jobs, oldest first, with the ids of their looks and links to pictures that are still kept."""
    job, storage = JOB.of(origin), media_storage()
    for page in _pages(VideoJob.objects.filter(owner=user).with_retries(), JOB.columns):
        ids = [row[0] for row in page]
        linked = _grouped(LookVideo.objects.filter(video__in=ids).values_list("video", "look"))
        pictures = _grouped(JobInput.objects.filter(job__in=ids).values_list("job", "file_name"))
        for pk, *columns in page:
            yield _documented(job(columns)) | {
                "lookIds": [look_id for (look_id,) in linked[pk]],
                "pictures": [absolute(storage.url(name), origin=origin) for (name,) in pictures[pk]],
            }


def webhooks(user: User) -> Iterator[dict[str, Any]]:
    """The user's webhooks, oldest first, without their secrets."""
    names = {
        "id": "id",
        "createdAt": "created_at",
        "url": "url",
        "description": "description",
        "events": "events",
        "disabledAt": "disabled_at",
        "disabledReason": "disabled_reason",
    }
    for row in batches.rows(WebhookEndpoint.objects.filter(owner=user).order_by("created_at", "id"), *names.values()):
        yield dict(zip(names, row, strict=True))


def _documented(item: dict[str, Any]) -> dict[str, Any]:
    """Without the second spellings of names, and without the lists of other objects that the API embeds."""
    embedded = {"sharedWith", "videos", "associatedLooks"}
    return {name: value for name, value in item.items() if "_" not in name and name not in embedded}


def _pages(rows: "QuerySet[Any, Any]", columns: Sequence[str]) -> Iterator[list[Row]]:
    found = batches.rows(rows.order_by("created_at", "id"), "pk", *columns, batch=PAGE)
    while page := list(islice(found, PAGE)):
        yield page


def _grouped(rows: Iterable[Row]) -> defaultdict[uuid.UUID, list[Row]]:
    """The rows without their first column, by it."""
    groups: defaultdict[uuid.UUID, list[Row]] = defaultdict(list)
    for key, *columns in rows:
        groups[key].append(tuple(columns))
    return groups
