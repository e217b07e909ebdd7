"""Sessions from their sign-in on, and what other use cases ask of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken

from accounts import access, roles
from accounts.models import Method, Session, SignIn, User
from accounts.roles import Role
from accounts.sign_in import sessions
from tests.accounts.sign_in.sessions.conftest import me, older_pair, outcome, refresh, request_of, sign_in

pytestmark = pytest.mark.django_db


# -- Sign-in


def test_sign_in_begins_a_session(ann: User) -> None:
    before = timezone.now()

    pair = sign_in("curl/8\t" + "x" * 400)

    session = Session.objects.get()
    claims = AccessToken(pair["access"])
    assert (claims["sid"], claims["sub"]) == (str(session.pk), str(ann.pk))
    assert (session.user, session.method, session.client_ip, session.client) == (
        *(ann, Method.PASSWORD, "127.0.0.1"),
        f"curl/8{'x' * 294}",
    )
    assert (session.former_refresh_id, session.ended_at, session.end_reason) == (None, None, "")
    assert session.expires_at - session.refreshed_at == timedelta(days=14)
    assert session.signed_in_at is not None
    assert session.signed_in_at >= before
    assert list(SignIn.objects.values_list("user", "method", "succeeded")) == [(ann.pk, "password", True)]
    ann.refresh_from_db()
    assert ann.last_login is not None
    assert not OutstandingToken.objects.exists()


def test_sign_in_by_another_method_is_recorded_with_it(ann: User) -> None:
    body = sessions.begin(user=ann, request=Request(APIRequestFactory().post("/")), method=Method.GOOGLE)

    assert sorted(body) == ["access", "expiresIn", "refresh"]
    assert list(SignIn.objects.values_list("channel", "method")) == [("api", "google")]
    assert Session.objects.get().method == "google"


def test_limited_role_gets_no_session(ann: User) -> None:
    roles.assign(user=ann, role=Role.SUPPORT)

    with pytest.raises(roles.BackOfficeOnly):
        sessions.begin(user=ann, request=Request(APIRequestFactory().post("/")), method=Method.GOOGLE)

    assert list(SignIn.objects.values_list("method", "succeeded")) == [("google", False)]
    assert not Session.objects.exists()


# -- For other use cases


def test_session_of_a_request(ann: User) -> None:
    pair, older = sign_in(), older_pair(ann)

    found = [sessions.session_id(request) for request in (request_of(pair), request_of(older))]

    assert found == [Session.objects.get().pk, None]


def test_only_a_sign_in_of_the_last_ten_minutes_is_fresh(ann: User) -> None:
    pair, older = sign_in(), older_pair(ann)
    adopted = refresh(older).json()  # no sign-in
    request = request_of(pair)

    fresh = [sessions.is_fresh(one) for one in (request, request_of(older), request_of(adopted))]
    Session.objects.update(signed_in_at=timezone.now() - timedelta(minutes=11))
    refreshed = refresh(pair).json()

    assert (fresh, sessions.is_fresh(request)) == ([True, False, False], False)
    assert sessions.is_fresh(request_of(refreshed)) is False


def test_all_sessions_but_one_end_and_it_gets_tokens_for_the_new_password(ann: User) -> None:
    kept, other = sign_in(), sign_in()
    request = request_of(kept)
    session_id = sessions.session_id(request)
    assert session_id

    ann.set_password("another-violet-43")
    ann.save(update_fields=["password", "updated_at"])
    sessions.end_all(user=ann, reason=Session.End.PASSWORD_CHANGED, keep=session_id)
    renewed = sessions.renew(session_id=session_id, user=ann, request=request)

    assert (outcome(me(kept)), outcome(me(other))) == ((401, "password_changed"),) * 2
    assert (outcome(me(renewed)), outcome(refresh(renewed))) == ((200, ""),) * 2
    assert sorted(Session.objects.values_list("end_reason", flat=True)) == ["", "password_changed"]


@pytest.mark.parametrize("end", [access.deactivate, access.sign_out_everywhere])
def test_rows_end_with_all_sign_ins_of_an_account(ann: User, end: Callable[..., None]) -> None:
    sign_in()

    end(user=ann)

    [(reason, ended_at)] = Session.objects.values_list("end_reason", "ended_at")
    assert (reason, ended_at is None) == ("staff", False)
