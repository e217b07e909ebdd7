"""Sessions: refresh tokens that rotate, two tabs, lost responses, thefts, and tokens of the release before."""

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts import access, roles
from accounts.models import Method, Session, SignIn, User
from accounts.roles import Role
from accounts.sign_in import sessions
from accounts.sign_in.authentication import TokenAuthentication
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db
SIGN_IN, REFRESH, REVOKE, ME = (f"/api/v1/auth/{name}" for name in ("token", "token/refresh", "token/revoke", "me"))
STOLEN = "The session has ended (a used refresh token was sent again: possibly stolen). Sign in again."


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    return make_user()


def sign_in(agent: str = "Firefox") -> dict[str, Any]:
    form = {"email": "ann@example.com", "password": PASSWORD}
    response: Any = APIClient().post(SIGN_IN, form, HTTP_USER_AGENT=agent)
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


def refresh(pair: dict[str, Any], **headers: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": pair["refresh"]}, **headers)  # type: ignore[arg-type]


def me(pair: dict[str, Any]) -> Any:
    return APIClient().get(ME, HTTP_AUTHORIZATION=f"Bearer {pair['access']}")


def outcome(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


def later(**passed: float) -> None:
    """Let time pass since the last refresh of every session."""
    Session.objects.update(refreshed_at=F("refreshed_at") - timedelta(**passed))


def request_of(pair: dict[str, Any]) -> Request:
    plain = APIRequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {pair['access']}")
    return Request(plain, authenticators=[TokenAuthentication()])


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


# -- Refresh


def test_refresh_keeps_the_session(ann: User) -> None:
    first = sign_in()
    was = Session.objects.get()
    later(minutes=50)

    second = refresh(first, HTTP_USER_AGENT="Firefox 2", REMOTE_ADDR="10.1.2.3")

    assert outcome(second) == (200, "")
    session = Session.objects.get()
    assert (session.pk, session.former_refresh_id, session.client, session.client_ip) == (
        *(was.pk, was.refresh_id),
        *("Firefox 2", "10.1.2.3"),
    )
    assert session.expires_at > was.expires_at
    assert session.signed_in_at == was.signed_in_at
    claims = RefreshToken(second.json()["refresh"], verify=False)
    assert (uuid.UUID(claims["jti"]), claims["sid"]) == (session.refresh_id, str(session.pk))
    assert (claims["iat"], claims["exp"]) == (
        int(session.refreshed_at.timestamp()),
        int(session.expires_at.timestamp()),
    )


def test_refresh_token_sent_again_at_once_gets_the_same_pair(ann: User) -> None:
    first = sign_in()
    second = refresh(first).json()
    later(seconds=8)

    again = [refresh(first).json() for _ in range(2)]

    tokens = [(pair["access"], pair["refresh"]) for pair in again]
    assert tokens[0] == tokens[1]  # `iat` is the row's
    assert [pair["expiresIn"] in (3591, 3592) for pair in again] == [True, True]
    session = Session.objects.get()
    assert uuid.UUID(RefreshToken(again[0]["refresh"], verify=False)["jti"]) == session.refresh_id
    assert session.end_reason == ""
    assert (outcome(me(again[0])), outcome(me(second)), outcome(refresh(again[0]))) == ((200, ""),) * 2 + ((200, ""),)


def test_lost_response_is_repeated_byte_for_byte(ann: User) -> None:
    first = sign_in()

    lost, again = refresh(first), refresh(first)

    assert {**lost.json(), "expiresIn": 0} == {**again.json(), "expiresIn": 0}


@pytest.mark.parametrize("window", [0, 10])
def test_late_reuse_ends_the_session_and_is_recorded(
    ann: User, settings: Any, window: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REFRESH_REUSE_SECONDS = window
    first, other = sign_in(), sign_in()
    second = refresh(first).json()
    later(seconds=window + 1)
    caplog.clear()

    response = refresh(first)

    assert (response.status_code, response.json()) == (401, {"detail": STOLEN, "code": "session_ended"})
    session = Session.objects.get(end_reason=Session.End.REUSED)
    assert session.ended_at is not None
    facts = {"session_id": session.pk, "user_id": ann.pk}
    events = [
        (record.levelno, {name: record.__dict__[name] for name in facts})
        for record in caplog.records
        if record.getMessage() == "session.token_reused"
    ]
    assert events == [(logging.WARNING, facts)]
    for pair in (first, second):  # the thief's and the owner's
        assert outcome(me(pair)) == (401, "session_ended")
        assert outcome(refresh(pair)) == (401, "session_ended")
    assert (outcome(me(other)), outcome(refresh(other))) == ((200, ""), (200, ""))
    again = [record for record in caplog.records if record.getMessage() == "session.token_reused"]
    assert len(again) == 1


def test_token_from_before_the_last_one_ends_the_session_at_once(ann: User) -> None:
    first = sign_in()
    second = refresh(first).json()
    third = refresh(second).json()

    assert outcome(refresh(first)) == (401, "session_ended")

    assert (outcome(me(third)), outcome(refresh(third))) == ((401, "session_ended"),) * 2
    assert Session.objects.get().end_reason == "reused"


def test_reuse_of_an_ended_session_does_not_change_its_reason(ann: User) -> None:
    first = sign_in()
    second = refresh(first).json()
    APIClient().post(REVOKE, {"refresh": second["refresh"]})
    later(seconds=60)

    assert outcome(refresh(first)) == (401, "session_ended")

    assert Session.objects.get().end_reason == "signed_out"


def test_session_of_another_user_is_of_no_use(ann: User, make_user: MakeUser) -> None:
    sign_in()
    bob = make_user("bob@example.com")
    token = AccessToken.for_user(bob)
    token["sid"], token["signed_out_at"] = str(Session.objects.get().pk), None

    assert outcome(me({"access": token})) == (401, "session_ended")


def test_access_token_without_its_row_is_refused(ann: User) -> None:
    pair = sign_in()
    Session.objects.all().delete()

    assert (outcome(me(pair)), outcome(refresh(pair))) == ((401, "session_ended"),) * 2


def test_session_is_read_with_the_user(ann: User) -> None:
    pair = sign_in()
    older = str(AccessToken.for_user(ann))
    me(pair)  # compiled
    counts = []
    for token in (pair["access"], older):
        with CaptureQueriesContext(connection) as captured:
            request = request_of({"access": token})
            assert request.user == ann
        counts.append(len(captured))

    assert counts == [1, 1]


# -- Two tabs


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    barrier = Barrier(count)

    def run(number: int) -> Any:
        barrier.wait()
        try:
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_tabs_that_refresh_at_once_get_one_pair(make_user: MakeUser) -> None:
    make_user()
    pair = sign_in()
    for _ in range(5):
        responses = at_once(4, lambda _, pair=pair: refresh(pair))  # type: ignore[misc]

        assert [outcome(response) for response in responses] == [(200, "")] * 4
        assert len({(one.json()["access"], one.json()["refresh"]) for one in responses}) == 1
        pair = responses[0].json()

    assert outcome(me(pair)) == (200, "")
    assert list(Session.objects.values_list("end_reason", flat=True)) == [""]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_thieves_who_come_at_once_end_the_session_once(make_user: MakeUser, caplog: pytest.LogCaptureFixture) -> None:
    make_user()
    first = sign_in()
    refresh(first)
    later(seconds=60)

    responses = at_once(4, lambda _: refresh(first))

    assert [outcome(response) for response in responses] == [(401, "session_ended")] * 4
    assert [record.getMessage() for record in caplog.records].count("session.token_reused") == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_refresh_survives_a_sign_out_at_the_same_moment(make_user: MakeUser) -> None:
    ann = make_user()
    for _ in range(5):
        pair = sign_in()

        def act(number: int, pair: dict[str, Any] = pair) -> Any:
            if number:
                return refresh(pair)
            return access.sign_out_everywhere(user=User.objects.get(pk=ann.pk))

        _, response = at_once(2, act)

        assert response.status_code in (200, 401)
        if response.status_code == 200:
            assert outcome(me(response.json()))[0] == 401
            assert outcome(refresh(response.json()))[0] == 401
    assert set(Session.objects.values_list("end_reason", flat=True)) == {"staff"}


# -- Tokens of releases before 1.2


def older_pair(user: User) -> dict[str, Any]:
    token = RefreshToken.for_user(user)
    token["signed_out_at"] = None
    return {"access": str(token.access_token), "refresh": str(token)}


def test_older_refresh_token_becomes_a_session_once(ann: User) -> None:
    older = older_pair(ann)

    new, again = refresh(older), refresh(older)

    assert (outcome(new), outcome(again), outcome(me(older))) == ((200, ""), (401, "session_ended"), (200, ""))
    session = Session.objects.get()
    assert (session.user, session.signed_in_at, session.method) == (ann, None, "password")
    assert outcome(refresh(new.json())) == (200, "")
    assert (Session.objects.count(), BlacklistedToken.objects.count(), SignIn.objects.count()) == (1, 1, 0)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_older_refresh_token_sent_twice_at_once_becomes_one_session(make_user: MakeUser) -> None:
    older = older_pair(make_user())

    responses = at_once(4, lambda _: refresh(older))

    assert sorted(outcome(response) for response in responses) == [(200, ""), *[(401, "session_ended")] * 3]
    assert Session.objects.count() == 1


def test_older_refresh_token_can_be_revoked(ann: User) -> None:
    older = older_pair(ann)

    assert APIClient().post(REVOKE, {"refresh": older["refresh"]}).status_code == 204

    assert (outcome(refresh(older)), Session.objects.count()) == ((401, "session_ended"), 0)


def test_what_a_process_of_the_release_before_used_up_is_used_up_here(ann: User) -> None:
    pair = sign_in()
    RefreshToken(pair["refresh"]).blacklist()  # type: ignore[arg-type]

    assert outcome(refresh(pair)) == (401, "session_ended")


def test_what_is_revoked_here_is_revoked_in_a_process_of_the_release_before(ann: User) -> None:
    pair = sign_in()
    APIClient().post(REVOKE, {"refresh": pair["refresh"]})

    assert BlacklistedToken.objects.filter(token__jti=RefreshToken(pair["refresh"], verify=False)["jti"]).exists()


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
