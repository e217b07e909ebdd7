"""To whom the public page of a look is shown: to everyone until its link ends."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from accounts import access
from accounts.own_account import deletion
from looks import links, use_cases
from looks.models import LookLink
from tests.looks.public.conftest import Share
from tests.looks.public.test_page import text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("visibility", ["private", "shared", "public"])
def test_visibility_does_not_matter(client: Client, share: Share, visibility: str) -> None:
    assert "<h1>" in text_of(client, share(visibility=visibility))


def end(how: str, link: LookLink) -> str:
    """End the link; returns the token to ask with."""
    if how == "revoked":
        links.revoke(link=link, actor=link.created_by)
    elif how == "expired":
        LookLink.objects.filter(pk=link.pk).update(expires_at=Now())
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
