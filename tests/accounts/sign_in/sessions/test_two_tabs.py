"""Tabs, thieves and sign-outs that come at the same moment."""

from functools import partial

import pytest

from accounts import access
from accounts.models import Session, User
from tests.accounts.sign_in.sessions.conftest import later, me, outcome, refresh, sign_in
from tests.conftest import MakeUser
from tests.threads import at_once

pytestmark = pytest.mark.django_db


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_tabs_that_refresh_at_once_get_one_pair(make_user: MakeUser) -> None:
    make_user()
    pair = sign_in()
    for _ in range(5):
        responses = at_once([partial(refresh, pair)] * 4)

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

    responses = at_once([lambda: refresh(first)] * 4)

    assert [outcome(response) for response in responses] == [(401, "session_ended")] * 4
    assert [record.getMessage() for record in caplog.records].count("session.token_reused") == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_no_refresh_survives_a_sign_out_at_the_same_moment(make_user: MakeUser) -> None:
    ann = make_user()
    for _ in range(5):
        sign_out = partial(access.sign_out_everywhere, user=User.objects.get(pk=ann.pk))

        _, response = at_once([sign_out, partial(refresh, sign_in())])

        assert response.status_code in (200, 401)
        if response.status_code == 200:
            assert outcome(me(response.json()))[0] == 401
            assert outcome(refresh(response.json()))[0] == 401
    assert set(Session.objects.values_list("end_reason", flat=True)) == {"staff"}
