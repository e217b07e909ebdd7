"""Refresh tokens that rotate: lost responses, and thefts."""

import logging
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import Session, User
from tests.accounts.sign_in.sessions.conftest import REVOKE, later, me, outcome, refresh, request_of, sign_in
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db
STOLEN = "The session has ended (a used refresh token was sent again: possibly stolen). Sign in again."


def test_refresh_keeps_the_session(ann: User) -> None:
    first = sign_in()
    later(minutes=50)
    was = Session.objects.get()

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
