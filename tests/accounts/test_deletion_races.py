"""Simultaneous requests: one deletion, one export."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from accounts.models import AccountTask, User
from accounts.own_account import deletion, exports
from accounts.registration import create_user
from accounts.roles import LastAdmin
from tests.conftest import PASSWORD, MakeUser
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def outcomes(*acts: Callable[[], Any]) -> list[Any]:
    """The results of the functions, which start together; an exception is a result."""
    return at_once([partial(_outcome, act) for act in acts])


def _outcome(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Exception as exc:  # compared by the test
        return exc


def test_two_deletions_of_an_account_are_one(make_user: MakeUser) -> None:
    ann = make_user()

    results = outcomes(*(lambda: deletion.delete(user=User.objects.get(pk=ann.pk)),) * 4)

    assert results == [None] * 4
    assert AccountTask.objects.filter(kind="deletion").count() == 1


def test_two_admins_cannot_both_go(make_user: MakeUser) -> None:
    admins = [make_user(f"{name}@example.com", staff=True) for name in ("a", "b")]

    results = outcomes(*(lambda user=user: deletion.delete(user=User.objects.get(pk=user.pk)) for user in admins))  # type: ignore[misc]

    assert sorted(map(str, map(type, results))) == sorted([str(type(None)), str(LastAdmin)])
    assert User.objects.filter(is_superuser=True, deleted_at=None).count() == 1


def test_two_requests_begin_one_export(make_user: MakeUser) -> None:
    ann = make_user()

    results = outcomes(*(lambda: exports.request(user=ann, origin=""),) * 4)

    assert results == [None] * 4
    assert AccountTask.objects.filter(kind="export").count() == 1


def test_registration_during_a_deletion_finds_the_address_taken_or_free(make_user: MakeUser) -> None:
    ann = make_user("ann@example.com")

    outcomes(
        lambda: deletion.delete(user=User.objects.get(pk=ann.pk)),
        lambda: create_user(email="ann@example.com", password=PASSWORD),
    )

    owners = list(User.objects.filter(email="ann@example.com").values_list("deleted_at", flat=True))
    assert owners in ([], [None])
