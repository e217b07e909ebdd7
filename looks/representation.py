"""Represents looks for the API, from three statements: looks with their readers, products, videos."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from django.db import models
from rest_framework.request import Request

from accounts.models import User
from accounts.permissions import is_owner_or_admin
from accounts.sign_in.identity import caller
from looks.models import Look, LookVideo, Product
from looks.serializers import LookOutput, ProductOutput, VideoOfLook
from studio.api.row_serializers import RowSerializer, Serialize
from studio.db.statements import InParam, Param, Row, Statement
from studio.errors import NotFound
from studio.http.origins import origin_of

View = Literal["mine", "shared", "public"]
Parts = Mapping[uuid.UUID, list[dict[str, Any]]]

LOOK = RowSerializer(LookOutput, Look)
PRODUCT = RowSerializer(ProductOutput, Product)
VIDEO = RowSerializer(VideoOfLook, LookVideo)
SUCCEEDED = "SUCCEEDED"  # the status of a video that readers may see

_CALLER = Param("caller_id", models.UUIDField())
_VERIFIED = Param("verified_email", models.EmailField())  # the caller's; with None, no share by address counts
_HEAD = ("pk", "owner", "readers", "emails")  # before the columns of a look
_LOOK = Statement(
    lambda: (
        Look.objects.filter(pk=Param("id", models.UUIDField()))
        .order_by()
        .with_readers()
        .values_list("visibility", *_HEAD, *LOOK.columns)
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


@dataclass(frozen=True)
class LookRow:
    """A look as read for one caller: the values for the permission check, and the row for `detail`."""

    owner_id: uuid.UUID
    visibility: str
    is_reader: bool  # shared with the caller or the caller's verified address; see `looks.permissions.may_read`
    row: Row


def find(*, look_id: uuid.UUID, user: User) -> LookRow:
    """Read the look for this user, whether or not the user may see it. Raises NotFound."""
    row = _LOOK.row(id=look_id)
    if row is None:
        raise NotFound("There is no such look.")
    visibility, _, owner_id, readers, emails = row[: 1 + len(_HEAD)]
    return LookRow(owner_id, visibility, _is_among(user, readers or [], emails or []), row[1:])


def _is_among(user: User, readers: list[dict[str, str]], emails: list[str]) -> bool:
    # of the lists that are read anyway: two subqueries for it would take a tenth of the statement's time
    return user.verified_email in emails or any(uuid.UUID(reader["id"]) == user.pk for reader in readers)


def detail(look: LookRow, request: Request) -> dict[str, Any]:
    """One look, as its caller may see it."""
    return _serialize([look.row], request)[0]


def page(*, view: View, search: str, skip: int, limit: int, request: Request) -> tuple[list[dict[str, Any]], int]:
    """A page of the looks in the caller's view, newest first, and the number of looks on all pages."""
    statement = _searched(view, search) if search else _all_of(view)
    user = caller(request)
    values = {"caller_id": user.pk, "verified_email": user.verified_email}
    rows = statement.rows(**values, skip=skip, limit=limit)
    if not rows:
        return [], statement.count(**values) if skip else 0
    return _serialize(rows, request), rows[0][-1]


@lru_cache(maxsize=3)
def _all_of(view: View) -> Statement:
    return _searched(view, "")


def _searched(view: View, search: str) -> Statement:
    def build() -> models.QuerySet[Any, Any]:
        looks = {
            "mine": lambda: Look.objects.filter(owner=_CALLER),
            "shared": lambda: Look.objects.shared_with(_CALLER, verified_email=_VERIFIED),
            "public": Look.objects.public,
        }[view]()
        looks = looks.search(search).order_by("-created_at", "-id").counted().with_readers()
        return looks.values_list(*_HEAD, *LOOK.columns, "total")

    return Statement(build, in_pages=True)


def _serialize(rows: Sequence[Row], request: Request) -> list[dict[str, Any]]:
    ids, origin, user = [row[0] for row in rows], origin_of(request), caller(request)
    products, videos = _parts_of(ids, _PRODUCTS, PRODUCT, origin), _parts_of(ids, _VIDEOS, VIDEO, origin)
    serialize = LOOK.of(origin)
    return [_one(serialize, row, user, products, videos) for row in rows]


def _one(serialize: Serialize, row: Row, user: User, products: Parts, videos: Parts) -> dict[str, Any]:
    look_id, owner_id, readers, emails = row[: len(_HEAD)]
    may_edit = is_owner_or_admin(user, owner_id)
    look = serialize(
        row[len(_HEAD) :],
        products=products[look_id],
        canEdit=may_edit,
        sharedWith=_in_order(readers) if may_edit and readers else [],
        sharedWithEmails=sorted(emails) if may_edit and emails else [],
        videos=[video for video in videos[look_id] if may_edit or video["status"] == SUCCEEDED],
    )
    for video in look["videos"]:
        video["posterUrl"] = video["posterUrl"] or look["thumbnailUrl"]
    return look


def _in_order(readers: list[dict[str, str]]) -> list[dict[str, str]]:
    entries = ({"id": str(uuid.UUID(reader["id"])), "email": reader["email"]} for reader in readers)
    return sorted(entries, key=lambda reader: reader["email"])


def _parts_of(ids: Sequence[uuid.UUID], statement: Statement, shape: RowSerializer, origin: str) -> Parts:
    """The products or videos of each look, in the statement's order."""
    parts, serialize = defaultdict[uuid.UUID, list[dict[str, Any]]](list), shape.of(origin)
    for row in statement.rows(ids=ids) if ids else ():
        parts[row[0]].append(serialize(row[1:]))
    return parts
