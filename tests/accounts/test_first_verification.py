"""The first verification of an address ends what another person, who registered it, may have kept."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import links, passwords, verification
from accounts.models import ApiKey, Session, User
from accounts.sign_in import api_keys
from tests.conftest import MakeUser, tokens_of

CONFIRM, ME, REFRESH = (f"/api/v1/auth/{name}" for name in ("email/verify/confirm", "me", "token/refresh"))
NEW = "another-violet-43"

pytestmark = pytest.mark.django_db


def with_token(text: str) -> APIClient:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {text}")


def new_key(user: User) -> str:
    return api_keys.create(user=user, name="kept", scopes=["account:read"])[1]


def link_of(user: User) -> dict[str, str]:
    return {"token": links.token_of(user=user, purpose=links.VERIFICATION)}


def by_link(user: User) -> None:
    assert APIClient().post(CONFIRM, link_of(user)).status_code == 204


def by_reset(user: User) -> None:
    passwords.reset(token=links.token_of(user=user, purpose=links.RESET), new=NEW)


def by_staff(user: User) -> None:
    verification.mark_verified(user=User.objects.get(pk=user.pk))


@pytest.mark.parametrize(
    ("verify", "code"), [(by_link, "signed_out"), (by_reset, "password_changed"), (by_staff, "signed_out")]
)
def test_earlier_keys_and_sessions_end(make_user: MakeUser, verify: Callable[[User], None], code: str) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    texts, kept = [new_key(ann), new_key(ann)], new_key(bob)
    pair = tokens_of(ann)

    verify(ann)

    ann.refresh_from_db()
    assert ann.email_verified_at is not None
    assert [with_token(text).get(ME).json().get("code") for text in texts] == ["key_revoked", "key_revoked"]
    assert (with_token(pair["access"]).get(ME).json()["code"], with_token(kept).get(ME).status_code) == (code, 200)
    refreshed = APIClient().post(REFRESH, {"refresh": pair["refresh"]})
    assert (refreshed.status_code, refreshed.json()["code"]) == (401, code)
    assert not Session.objects.live().exists()


def test_page_that_is_signed_in_keeps_its_session_and_the_keys(make_user: MakeUser) -> None:
    ann = make_user()
    text, here, elsewhere = new_key(ann), tokens_of(ann)["access"], tokens_of(ann)["access"]

    answer = with_token(here).post(CONFIRM, link_of(ann))

    assert answer.status_code == 204
    assert [with_token(one).get(ME).status_code for one in (here, text, elsewhere)] == [200, 200, 401]


@pytest.mark.parametrize("kind", ["another user's", "ended", "an API key", "a refresh token", "nonsense", "empty"])
def test_other_headers_prove_nothing(make_user: MakeUser, kind: str) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    text, pair = new_key(ann), tokens_of(ann)
    header = {
        "another user's": tokens_of(bob)["access"],
        "an API key": text,
        "a refresh token": pair["refresh"],
        "nonsense": "nonsense",
        "empty": "",
    }.get(kind, pair["access"])
    if kind == "ended":
        Session.objects.filter(user=ann).end(Session.End.SIGNED_OUT)

    answer = with_token(header).post(CONFIRM, link_of(ann))

    assert answer.status_code == 204
    assert with_token(text).get(ME).json()["code"] == "key_revoked"
    assert not Session.objects.live().filter(user=ann).exists()
    assert ann.email_verified_at is None
    assert User.objects.get(pk=ann.pk).email_verified_at is not None


@pytest.mark.parametrize("again", [by_reset, by_staff])
def test_later_proof_leaves_the_keys(make_user: MakeUser, again: Callable[[User], None]) -> None:
    ann = make_user()
    by_link(ann)
    ann.refresh_from_db()
    text = new_key(ann)

    again(ann)

    assert with_token(text).get(ME).status_code == 200


def test_request_from_before_creates_no_key_afterwards(make_user: MakeUser) -> None:
    before = make_user()
    by_link(before)

    with pytest.raises(api_keys.VerifiedMeanwhile):
        new_key(before)
    assert not ApiKey.objects.exists()


# -- REQUIRE_VERIFIED_EMAIL


def test_tokens_and_keys_of_an_unverified_account_are_refused(make_user: MakeUser, settings: object) -> None:
    ann = make_user()
    text, pair = new_key(ann), tokens_of(ann)
    requests = [
        lambda: with_token(text).get(ME),
        lambda: with_token(pair["access"]).get(ME),
        lambda: APIClient().post(REFRESH, {"refresh": pair["refresh"]}),
    ]
    assert [one().status_code for one in requests[:2]] == [200, 200]

    settings.REQUIRE_VERIFIED_EMAIL = True  # type: ignore[attr-defined]
    answers = [one() for one in requests]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "email_unverified")] * 3
    User.objects.update(email_verified_at=timezone.now())
    assert [one().status_code for one in requests] == [200, 200, 200]


def test_link_is_opened_from_a_refused_session(make_user: MakeUser, settings: object) -> None:
    ann = make_user()
    text, access = new_key(ann), tokens_of(ann)["access"]
    settings.REQUIRE_VERIFIED_EMAIL = True  # type: ignore[attr-defined]

    with_token(access).post(CONFIRM, link_of(ann))

    assert [with_token(one).get(ME).status_code for one in (access, text)] == [200, 200]
