from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import Session, User
from accounts.registration import create_user
from videos.models import VideoJob
from videos.phases import Phase

SIGN_IN, REFRESH, REVOKE, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "token/revoke", "me"))
PASSWORD = "lorry-violet-42"
REFUSED = {"detail": "The e-mail address or the password is wrong.", "code": "no_active_account"}

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


def ended() -> list[str]:
    """Why each session ended, "" for a live one, in the order of their sign-ins."""
    return list(Session.objects.order_by("created_at").values_list("end_reason", flat=True))


def challenge(answer: Any) -> str:
    """The header of a refused token, as RFC 6750 has it."""
    detail = answer.json()["detail"].replace('"', "'")
    kind = "invalid_request" if answer.json()["code"] == "token_malformed" else "invalid_token"
    return f'Bearer realm="api", error="{kind}", error_description="{detail}"'


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

    assert (answer.status_code, sorted(answer.json())) == (200, ["access", "expiresIn", "refresh"])
    assert answer.json()["expiresIn"] == 3600
    assert AccessToken(answer.json()["access"])["sub"] == str(ann.pk)
    assert outcome(me(anonymous, answer.json()["access"])) == (
        200,
        {
            "id": str(ann.pk),
            "email": "ann@example.com",
            "emailVerified": False,
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
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert not Session.objects.exists()


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
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


CHANGES = [(lock, "account_inactive"), (change_password, "password_changed"), (vanish, "user_not_found")]


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_access_ends_with_the_account_or_its_password(
    anonymous: APIClient, ann: User, change: Callable[[User], None], code: str
) -> None:
    access = sign_in(anonymous).json()["access"]
    change(ann)

    answer = me(anonymous, access)

    assert (answer.status_code, answer.json()["code"], sorted(answer.json())) == (401, code, ["code", "detail"])
    assert answer["WWW-Authenticate"] == challenge(answer)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("refresh", "refresh_token_used_as_access"),
        ("refresh of 1.1", "refresh_token_used_as_access"),
        ("expired", "token_expired"),
        ("garbage", "token_invalid"),
        ("not ascii", "token_invalid"),
        ("no user", "token_invalid"),
        ("odd session", "token_invalid"),
    ],
)
def test_bad_access_token(anonymous: APIClient, ann: User, kind: str, code: str) -> None:
    no_user, odd = AccessToken(), AccessToken.for_user(ann)
    odd["sid"] = "7"
    token = {
        "refresh": sign_in(anonymous).json()["refresh"],
        "refresh of 1.1": RefreshToken.for_user(ann),
        "expired": expired(RefreshToken.for_user(ann).access_token),
        "garbage": "a.b.c",
        "not ascii": "ä.ö.ü",
        "no user": no_user,
        "odd session": odd,
    }[kind]

    answer = me(anonymous, str(token))

    assert (answer.status_code, answer.json()["code"], sorted(answer.json())) == (401, code, ["code", "detail"])
    assert answer["WWW-Authenticate"] == challenge(answer)


@pytest.mark.parametrize("header", ["Token {0}", "Basic YTpi", "{0}", "Bearer", "Bearer {0} {0}", "Bearer: {0}"])
def test_malformed_header_is_refused_with_the_right_form(anonymous: APIClient, ann: User, header: str) -> None:
    access = sign_in(anonymous).json()["access"]

    answer = anonymous.get(ME, HTTP_AUTHORIZATION=header.format(access))

    assert outcome(answer) == (
        401,
        {
            "detail": 'The Authorization header is malformed; write "Authorization: Bearer <access>".',
            "code": "token_malformed",
        },
    )
    assert answer["WWW-Authenticate"] == challenge(answer)


@pytest.mark.parametrize("header", ["bearer {}", "BEARER  {} "])
def test_scheme_is_read_in_any_case(anonymous: APIClient, ann: User, header: str) -> None:
    access = sign_in(anonymous).json()["access"]

    assert anonymous.get(ME, HTTP_AUTHORIZATION=header.format(access)).status_code == 200


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


def test_refresh_token_is_exchanged_for_a_new_pair(anonymous: APIClient, ann: User) -> None:
    first = sign_in(anonymous).json()

    second = anonymous.post(REFRESH, {"refresh": first["refresh"]})
    third = anonymous.post(REFRESH, second.json())  # the whole response

    assert (second.status_code, sorted(second.json())) == (200, ["access", "expiresIn", "refresh"])
    assert (third.status_code, second.json()["expiresIn"], third.json()["expiresIn"]) == (200, 3600, 3600)
    for pair in (first, second.json(), third.json()):
        assert me(anonymous, pair["access"]).json()["id"] == str(ann.pk)
    assert len({pair["refresh"] for pair in (first, second.json(), third.json())}) == 3
    assert (ended(), OutstandingToken.objects.count()) == ([""], 0)


@pytest.mark.parametrize(("change", "code"), CHANGES)
def test_refresh_ends_with_the_account_or_its_password(
    anonymous: APIClient, ann: User, change: Callable[[User], None], code: str
) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REFRESH, {"refresh": refresh})

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"] == challenge(answer)
    assert ended() in ([""], [])


@pytest.mark.parametrize("url", [REFRESH, REVOKE])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("expired", "token_expired"),
        ("access", "access_token_used_as_refresh"),
        ("garbage", "token_invalid"),
        ("not ascii", "token_invalid"),
    ],
)
def test_bad_refresh_token(anonymous: APIClient, ann: User, url: str, kind: str, code: str) -> None:
    token = {
        "expired": expired(RefreshToken.for_user(ann)),
        "access": sign_in(anonymous).json()["access"],
        "garbage": "a.b.c",
        "not ascii": "ä.ö.ü",
    }[kind]

    answer = anonymous.post(url, {"refresh": str(token)})

    assert (answer.status_code, answer.json()["code"], sorted(answer.json())) == (401, code, ["code", "detail"])
    assert answer["WWW-Authenticate"] == challenge(answer)
    assert (set(ended()) <= {""}, BlacklistedToken.objects.count()) == (True, 0)


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


def test_sign_out_ends_the_session_with_its_access_tokens(anonymous: APIClient, ann: User) -> None:
    pair, other = sign_in(anonymous).json(), sign_in(anonymous).json()

    answer = anonymous.post(REVOKE, {"refresh": pair["refresh"]})

    assert (answer.status_code, answer.content) == (204, b"")
    refused = {"detail": "The session has ended (signed out). Sign in again.", "code": "session_ended"}
    assert outcome(me(anonymous, pair["access"])) == (401, refused)
    assert outcome(anonymous.post(REFRESH, {"refresh": pair["refresh"]})) == (401, refused)
    assert me(anonymous, other["access"]).status_code == 200
    assert anonymous.post(REFRESH, {"refresh": other["refresh"]}).status_code == 200
    assert ended() == ["signed_out", ""]


def test_used_refresh_token_signs_out(anonymous: APIClient, ann: User) -> None:
    first = sign_in(anonymous).json()
    second = anonymous.post(REFRESH, {"refresh": first["refresh"]}).json()

    assert anonymous.post(REVOKE, {"refresh": first["refresh"]}).status_code == 204

    assert (me(anonymous, second["access"]).status_code, ended()) == (401, ["signed_out"])


def test_signing_out_again_changes_nothing(anonymous: APIClient, ann: User) -> None:
    refresh = sign_in(anonymous).json()["refresh"]

    answers = [anonymous.post(REVOKE, {"refresh": refresh}).status_code for _ in range(2)]

    assert (answers, ended(), BlacklistedToken.objects.count()) == ([204, 204], ["signed_out"], 1)


@pytest.mark.parametrize("change", [lock, change_password, vanish])
def test_users_who_cannot_sign_in_can_sign_out(anonymous: APIClient, ann: User, change: Callable[[User], None]) -> None:
    refresh = sign_in(anonymous).json()["refresh"]
    change(ann)

    answer = anonymous.post(REVOKE, {"refresh": refresh})

    assert answer.status_code == 204
    assert ended() in (["signed_out"], [])
