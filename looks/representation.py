"""How looks are read and shown: a statement for the looks with their readers, one for products, one for videos."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from django.db import models

from accounts.models import User
from looks.models import Look, LookVideo, Product, Visibility, is_reader
from looks.serializers import LookOutput, ProductOutput, VideoOfLook
from studio.api.row_serializers import RowSerializer
from studio.db.statements import InParam, Param, Row, Statement
from studio.errors import NotAllowed, NotFound

View = Literal["mine", "shared", "public"]

LOOK = RowSerializer(LookOutput, Look)
PRODUCT = RowSerializer(ProductOutput, Product)
VIDEO = RowSerializer(VideoOfLook, LookVideo)
SUCCEEDED = "SUCCEEDED"  # the status of a video that readers may see

_CALLER = Param("caller_id", models.UUIDField())
_HEAD = ("pk", "owner", "readers")  # before the columns of a look
_LOOK = Statement(
    lambda: (
        Look.objects.filter(pk=Param("id", models.UUIDField()))
        .order_by()
        .with_readers()
        .annotate(is_reader=is_reader(_CALLER))
        .values_list(*_HEAD, *LOOK.columns, "visibility", "is_reader")
    )
)
_PRODUCTS = Statement(
    lambda: (
        Product.objects.filter(InParam("look", "ids", models.UUIDField()))
        .order_by("position")
        .values_list("look", *PRODUCT.columns)
    )
)
_VIDEOS = Statement(
    lambda: (
        LookVideo.objects.filter(InParam("look", "ids", models.UUIDField()))
        .order_by("-video__created_at", "-video_id")
        .values_list("look", *VIDEO.columns)
    )
)


def show_page(
    *, view: View, search: str, caller: User, skip: int, limit: int, site: str
) -> tuple[list[dict[str, Any]], int]:
    """A page of the looks that the view has for the caller, newest first; and how many there are in all."""
    statement = _searched(view, search) if search else _all_of(view)
    rows = statement.rows(caller_id=caller.pk, skip=skip, limit=limit)
    if not rows:
        return [], statement.count(caller_id=caller.pk) if skip else 0
    return _shown(rows, caller, site), rows[0][-1]


def show(*, look_id: uuid.UUID, caller: User, site: str) -> dict[str, Any]:
    """One look, for everybody who may see it. Raises NotFound, or NotAllowed for those who may not."""
    row = _LOOK.row(id=look_id, caller_id=caller.pk)
    if row is None:
        raise NotFound("There is no such look.")
    *_, visibility, is_shared = row
    is_open = visibility == Visibility.PUBLIC or (visibility == Visibility.SHARED and is_shared)
    if not is_open and not _may_edit(caller, row[1]):
        raise NotAllowed
    return _shown([row], caller, site)[0]


@lru_cache(maxsize=3)
def _all_of(view: View) -> Statement:
    return _searched(view, "")


def _searched(view: View, search: str) -> Statement:
    def build() -> models.QuerySet[Any, Any]:
        looks = {
            "mine": lambda: Look.objects.filter(owner=_CALLER),
            "shared": lambda: Look.objects.shared_with(_CALLER),
            "public": Look.objects.public,
        }[view]()
        looks = looks.search(search).order_by("-created_at", "-id").counted().with_readers()
        return looks.values_list(*_HEAD, *LOOK.columns, "total")

    return Statement(build, in_pages=True)


def _may_edit(caller: User, owner_id: uuid.UUID) -> bool:
    return bool(caller.is_staff or owner_id == caller.pk)


def _shown(rows: Sequence[Row], caller: User, site: str) -> list[dict[str, Any]]:
    ids = [row[0] for row in rows]
    products, videos = _parts_of(ids, _PRODUCTS, PRODUCT, site), _parts_of(ids, _VIDEOS, VIDEO, site)
    return [_one(_Head(*row[: len(_HEAD)]), row[len(_HEAD) :], caller, site, products, videos) for row in rows]


@dataclass(frozen=True)
class _Head:
    """What decides how a look is shown."""

    look_id: uuid.UUID
    owner_id: uuid.UUID
    readers: list[dict[str, str]] | None


Parts = Mapping[uuid.UUID, list[dict[str, Any]]]


def _one(head: _Head, row: Row, caller: User, site: str, products: Parts, videos: Parts) -> dict[str, Any]:
    may_edit = _may_edit(caller, head.owner_id)
    shown = LOOK.serialize(
        row,
        site=site,
        products=products[head.look_id],
        sharedWith=_people(head.readers) if may_edit and head.readers else [],
        videos=[video for video in videos[head.look_id] if may_edit or video["status"] == SUCCEEDED],
    )
    for video in shown["videos"]:
        video["posterUrl"] = video["posterUrl"] or shown["thumbnailUrl"]
    return shown


def _people(readers: list[dict[str, str]]) -> list[dict[str, str]]:
    people = ({"id": str(uuid.UUID(person["id"])), "email": person["email"]} for person in readers)
    return sorted(people, key=lambda person: person["email"])


def _parts_of(ids: Sequence[uuid.UUID], statement: Statement, shape: RowSerializer, site: str) -> Parts:
    """What belongs to each look, in the statement's order."""
    parts: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in statement.rows(ids=ids) if ids else ():
        parts[row[0]].append(shape.serialize(row[1:], site=site))
    return parts
