from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User
from accounts.registration import create_user
from videos.models import VideoJob
from videos.phases import Phase

SIGN_IN, REFRESH, REVOKE, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "token/revoke", "me"))
PASSWORD = "lorry-violet-42"
REFUSED = {"detail": "The e-mail address or the password is wrong.", "code": "no_active_account"}
BAD_TOKEN = {"detail": "Token is invalid or expired", "code": "token_not_valid"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(db: None) -> User:
    return create_user(email="ann@example.com", password=PASSWORD)


def sign_in(client: APIClient, email: str = "ann@example.com", password: str = PASSWORD) -> Any:
    return client.post(SIGN_IN, {"email": email, "password": password})


def me(client: APIClient, access: str) -> Any:
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}", content_type="application/json")


def outcome(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def revoked() -> int:
    return BlacklistedToken.objects.count()


def expired(token: RefreshToken) -> RefreshToken:
    token.set_exp(lifetime=timedelta(minutes=-1))
    return token


def lock(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User) -> None:
    User.objects.filter(pk=user.pk).update(password=make_password("another-violet-43"))


def vanish(user: User) -> None:  # only an account that never had a token can
    user.token_account.delete()
    user.delete()


# -- Sign-in


@pytest.mark.parametrize("email", ["ann@example.com", " Ann@EXAMPLE.com "])
def test_tokens_for_a_password(anonymous: APIClient, ann: User, email: str) -> None:
    answer = sign_in(anonymous, email)

    assert (answer.status_code, sorted(answer.json())) == (200, ["access", "refresh"])
    assert AccessToken(answer.json()["access"])["sub"] == str(ann.pk)
    assert outcome(me(anonymous, answer.json()["access"])) == (
        200,
        {
            "id": str(ann.pk),
            "email": "ann@example.com",
            "isStaff": False,
            "tokens": {"balance": 0, "unlimited": False},
            "concurrentJobs": {"running": 0, "limit": 3},
        },
    )


@pytest.mark.parametrize("password", ["p" * 128, "  blanks count  ", "pässwörd-日本語"])
def test_password_of_any_kind(anonymous: APIClient, password: str) -> None:
    create_user(email="bob@example.com", password=password)

    assert sign_in(anonymous, "bob@example.com", password).status_code == 200
    assert outcome(sign_in(anonymous, "bob@example.com", f"{password} ")) == (401, REFUSED)


def test_refusals_do_not_reveal_who_has_an_account(anonymous: APIClient, ann: User) -> None:
    unknown = sign_in(anonymous, "bob@example.com")
    no_address = sign_in(anonymous, "bob")
    wrong = sign_in(anonymous, password="wrong-violet-42")
    lock(ann)
    locked = sign_in(anonymous)

    for answer in (unknown, no_address, wrong, locked):
        assert outcome(answer) == (401, REFUSED)
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert OutstandingToken.objects.count() == 0


@pytest.mark.parametrize("form", [{}, {"email": "ann@example.com"}, {"email": {}, "password": PASSWORD}, [1], "text"])
def test_bad_sign_in_form(anonymous: APIClient, form: object) -> None:
    answer = anonymous.post(SIGN_IN, form)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


# -- Access tokens


def test_request_without_a_token(anonymous: APIClient) -> None:
    answer = anonymous.get(ME)

    assert outcome(answer) == (
        401,
        {"detail": "Authentication credentials were not provided.", "code": "not_authenticated"},
    )
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("change", [lock, change_password, vanish])
def test_access_ends_with_the_account_or_its_password(
    anonymous: APIClient, ann: User, change: Callable[[User], None]
) -> None:
    access = sign_in(anonymous).json()["access"]
    change(ann)

    answer = me(anonymous, access)

    assert (answer.status_code, sorted(answer.json())) == (401, ["code", "detail"])
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("kind", ["refresh", "expired", "garbage", "not ascii"])
def test_bad_access_token(anonymous: APIClient, ann: User, kind: str) -> None:
    token = {
        "refresh": RefreshToken.for_user(ann),
        "expired": expired(RefreshToken.for_user(ann).access_token),
        "garbage": "a.b.c",
        "not ascii": "ä.ö.ü",
    }[kind]

    assert outcome(me(anonymous, str(token))) == (
        401,
        {"detail": "Given token not valid for any token type", "code": "token_not_valid"},
    )


def test_staff_see_is_staff(anonymous: APIClient) -> None:
    staff = create_user(email="sue@example.com", password=PASSWORD, staff=True, unlimited=True)

    body = me(anonymous, str(AccessToken.for_user(staff))).json()

    assert (body["isStaff"], body["tokens"]) == (True, {"balance": 0, "unlimited": True})


def test_own_unfinished_jobs_are_counted(anonymous: APIClient, ann: User) -> None:
    now = timezone.now()
    live = {"phase": Phase.QUEUED, "due_at": now}
    done = {"phase": Phase.FAILED, "completed_at": now, "error_code": "provider_error"}
    for owner, state in ((ann, live | {"slot": 1}), (ann, live | {"slot": 3}), (ann, done)):
        VideoJob.objects.create(owner=owner, duration_seconds=8, **state)
    VideoJob.objects.create(
        owner=create_user(email="bob@example.com", password="x"), duration_seconds=8, slot=1, **live
    )

    body = me(anonymous, str(AccessToken.for_user(ann))).json()

    assert body["concurrentJobs"] == {"running": 2, "limit": 3}


# -- Refresh


def test_refresh_token_is_swapped_for_a_new_pair_once(anonymous: APIClient, ann: User) -> None:
    first = sign_in(anonymous).json()

    second = anonymous.post(REFRESH, {"refresh": first["refresh"]})
    again = anonymous.post(REFRESH, {"refresh": first["refresh"]})
    third = anonymous.post(REFRESH, {"refresh": second.json()["refresh"]})

    assert (second.status_code, sorted(second.json())) == (200, ["access", "refresh"])
    assert me(anonymous, second.json()["access"]).json()["id"] == str(ann.pk)
    assert outcome(again) == (401, {"detail": "Token is blacklisted", "code": "token_not_valid"})
    assert (third.status_code, revoked(), OutstandingToken.objects.filter(user=ann).count()) == (200, 2, 3)


@pytest.mark.parametrize("change", [lock, change_password, vanish])
def test_refresh_ends_with_the_account_or_its_password(
    anonymous: APIClient, ann: User, change: Callable[[User], None]
) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REFRESH, {"refresh": refresh})

    assert outcome(answer) == (401, BAD_TOKEN)
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert (revoked(), OutstandingToken.objects.count()) == (0, 1)


@pytest.mark.parametrize("url", [REFRESH, REVOKE])
@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("expired", "Token is expired"),
        ("access", "Token has wrong type"),
        ("garbage", "Token is invalid"),
        ("not ascii", "Token is invalid"),
    ],
)
def test_bad_refresh_token(anonymous: APIClient, ann: User, url: str, kind: str, detail: str) -> None:
    token = {
        "expired": expired(RefreshToken.for_user(ann)),
        "access": AccessToken.for_user(ann),
        "garbage": "a.b.c",
        "not ascii": "ä.ö.ü",
    }[kind]

    answer = anonymous.post(url, {"refresh": str(token)})

    assert outcome(answer) == (401, {"detail": detail, "code": "token_not_valid"})
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert revoked() == 0


@pytest.mark.parametrize("url", [REFRESH, REVOKE])
def test_missing_refresh_token(anonymous: APIClient, url: str) -> None:
    assert outcome(anonymous.post(url, {})) == (
        400,
        {
            "detail": "refresh: This field is required.",
            "code": "invalid",
            "errors": {"refresh": ["This field is required."]},
        },
    )


# -- Revoke


def test_revoked_token_is_of_no_use(anonymous: APIClient, ann: User) -> None:
    refresh, other = sign_in(anonymous).json()["refresh"], sign_in(anonymous).json()["refresh"]

    answer = anonymous.post(REVOKE, {"refresh": refresh})

    assert (answer.status_code, answer.content) == (204, b"")
    assert outcome(anonymous.post(REFRESH, {"refresh": refresh})) == (
        401,
        {"detail": "Token is blacklisted", "code": "token_not_valid"},
    )
    assert anonymous.post(REFRESH, {"refresh": other}).status_code == 200


def test_revoking_again_changes_nothing(anonymous: APIClient, ann: User) -> None:
    refresh = sign_in(anonymous).json()["refresh"]

    answers = [anonymous.post(REVOKE, {"refresh": refresh}).status_code for _ in range(2)]

    assert (answers, revoked()) == ([204, 204], 1)


@pytest.mark.parametrize("change", [lock, change_password, vanish])
def test_users_who_cannot_sign_in_can_sign_out(anonymous: APIClient, ann: User, change: Callable[[User], None]) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REVOKE, {"refresh": refresh})

    assert (answer.status_code, revoked()) == (204, 1)
