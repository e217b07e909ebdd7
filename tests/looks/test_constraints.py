"""The database constraints of looks."""

import uuid
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from looks.models import Look, LookEmailShare, LookKey, LookShare, LookVideo, Product
from tests.conftest import MakeUser
from tests.fixtures.looks import MakeLook, MakeVideo


@pytest.fixture
def ann(make_user: MakeUser) -> Any:
    return make_user()


def refused(constraint: str, write: Any) -> bool:
    """Whether the write violates this constraint; SQLite names the columns of an index instead."""
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        write()
    return constraint in str(refusal.value) or "UNIQUE constraint failed" in str(refusal.value)


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("visibility_is_known", {"visibility": "everyone"}),
        ("look_has_a_title", {"title": ""}),
        ("thumbnail_if_and_only_if_image", {"thumbnail": ""}),
        ("thumbnail_if_and_only_if_image", {"image": ""}),
    ],
)
def test_look(ann: Any, make_look: MakeLook, constraint: str, change: dict[str, Any]) -> None:
    look = make_look(ann)

    assert refused(constraint, lambda: Look.objects.filter(pk=look.pk).update(**change))


@pytest.mark.parametrize(
    ("constraint", "change"),
    [
        ("product_has_a_name", {"name": ""}),
        ("price_is_never_negative", {"price": Decimal("-0.01")}),
        ("product_url_is_http", {"product_url": "javascript:alert(1)"}),
        ("product_url_is_http", {"product_url": " https://example.com"}),
        ("one_product_a_place", {"position": 1}),
    ],
)
def test_product(ann: Any, make_look: MakeLook, constraint: str, change: dict[str, Any]) -> None:
    make_look(ann)

    assert refused(constraint, lambda: Product.objects.filter(position=0).update(**change))


def test_what_products_may_be(ann: Any, make_look: MakeLook) -> None:
    make_look(ann)
    product = Product.objects.filter(position=0)

    for change in ({"price": 0}, {"price": None}, {"product_url": "HTTPS://example.com"}, {"product_url": "http://x"}):
        assert product.update(**change) == 1


def test_one_share_a_look_and_user(ann: Any, make_look: MakeLook, make_user: MakeUser) -> None:
    ben = make_user("ben@example.com")
    look = make_look(ann, readers=(ben,))

    assert refused("one_share_a_look_and_user", lambda: LookShare.objects.create(look=look, user=ben))


def test_one_share_a_look_and_email(ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann, emails=("ben@example.com",))

    def add(email: str) -> LookEmailShare:
        return LookEmailShare.objects.create(look=look, email=email)

    assert refused("one_share_a_look_and_email", lambda: add("ben@example.com"))
    assert refused("email_share_is_lower_case", lambda: add("Zoe@example.com"))


def test_one_row_a_look_and_video(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look = make_look(ann)
    video = make_video(ann, look=look)

    assert refused("one_row_a_look_and_video", lambda: LookVideo.objects.create(look=look, video=video))


def test_one_default_a_look(ann: Any, make_look: MakeLook, make_video: MakeVideo) -> None:
    look = make_look(ann)
    make_video(ann, look=look, is_default=True)

    assert refused("one_default_a_look", lambda: make_video(ann, look=look, is_default=True))
    make_video(ann, look=make_look(ann), is_default=True)  # another look's is no matter


def test_junction_has_the_documented_name() -> None:
    assert LookVideo._meta.db_table == "look_videos"


def test_video_that_does_not_exist_cannot_be_linked(ann: Any, make_look: MakeLook) -> None:
    look = make_look(ann)

    def link() -> None:
        LookVideo.objects.create(look=look, video_id=uuid.uuid4())
        connection.check_constraints()

    with pytest.raises(IntegrityError), transaction.atomic():
        link()


def test_key_is_spent_once_and_never_blank(ann: Any) -> None:
    LookKey.objects.create(owner=ann, key="k", look_id=uuid.uuid4())

    for constraint, key in (("one_look_a_key", "k"), ("look_key_is_not_blank", "")):
        assert refused(constraint, partial(LookKey.objects.create, owner=ann, key=key, look_id=uuid.uuid4()))
