"""Tokens of releases before 1.2, which had no sessions."""

import pytest
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import RefreshToken

from accounts.models import Session, SignIn, User
from tests.accounts.sign_in.sessions.conftest import REVOKE, me, older_pair, outcome, refresh, sign_in
from tests.conftest import MakeUser
from tests.threads import at_once

pytestmark = pytest.mark.django_db


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

    responses = at_once([lambda: refresh(older)] * 4)

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
