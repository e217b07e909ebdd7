"""Access tokens: which are refused, with which header, and what they show."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User
from accounts.registration import create_user
from tests.accounts.sign_in.tokens.conftest import CHANGES, ME, PASSWORD, challenge, expired, me, outcome, sign_in
from videos.models import VideoJob
from videos.phases import Phase

pytestmark = pytest.mark.django_db


def test_request_without_a_token(anonymous: APIClient) -> None:
    answer = anonymous.get(ME)

    assert outcome(answer) == (
        401,
        {"detail": "Authentication credentials were not provided.", "code": "not_authenticated"},
    )
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


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
