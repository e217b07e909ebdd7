"""Deletions of accounts whose address another account has, or another person."""

import threading
from datetime import timedelta

import pytest
from auditlog.models import LogEntry as AuditEntry
from axes.models import AccessAttempt
from django.db.models import F
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask, User
from accounts.own_account import deletion
from accounts.registration import create_user
from looks.models import Look, LookEmailShare
from operations import account_tasks
from studio.backoffice import audit
from tests.conftest import PASSWORD, MakeUser
from tests.fixtures.looks import MakeLook

pytestmark = pytest.mark.django_db

EMAIL = "guest@example.com"


@pytest.fixture
def invitation(make_user: MakeUser, make_look: MakeLook) -> LookEmailShare:
    return LookEmailShare.objects.create(look=make_look(make_user("bea@example.com"), image=None), email=EMAIL)


def guest(*, verified: bool = True) -> User:
    user = create_user(email=EMAIL, password=PASSWORD)
    if verified:
        User.objects.filter(pk=user.pk).update(email_verified_at=timezone.now())
    return User.objects.get(pk=user.pk)


def run_tasks() -> None:
    account_tasks.run_others(threading.Event())


def test_second_deletion_of_an_address_survives_the_first_ones_task(make_look: MakeLook) -> None:
    deletion.delete(user=guest())
    second = guest()
    make_look(second, image=None)
    deletion.delete(user=second)

    run_tasks()

    assert not Look.objects.exists()
    assert not AccountTask.objects.exclude(email="").exists()
    assert AccountTask.objects.filter(user=second, kind="deletion").exclude(finished_at=None).count() == 1


def test_what_the_next_owner_got_before_the_task_ran_stays(invitation: LookEmailShare) -> None:
    tasks.add(AccountTask.Kind.RESET_PASSWORD, email=EMAIL)
    deletion.delete(user=guest())
    again = create_user(email=EMAIL, password=PASSWORD, verify=True)
    share = LookEmailShare.objects.create(look=Look.objects.create(owner=again, title="Later"), email=EMAIL)
    AccessAttempt.objects.create(username=EMAIL, ip_address="192.0.2.1", failures_since_start=3)
    audit.record_action(again, "Sign out", actor=None)
    entries = AuditEntry.objects.filter(object_pk=str(again.pk))
    entries.update(timestamp=F("timestamp") + timedelta(seconds=1))  # their clock is not that of the tests

    run_tasks()

    assert list(AccountTask.objects.filter(email=EMAIL).values_list("kind", flat=True)) == ["verify_email"]
    assert list(LookEmailShare.objects.all()) == [share]
    assert AccessAttempt.objects.filter(username=EMAIL).count() == 1
    assert AuditEntry.objects.get(object_pk=str(again.pk), changes__has_key="action").object_repr == EMAIL


@pytest.mark.parametrize(("verified", "shares"), [(True, 0), (False, 1)])
def test_invitations_end_only_with_an_account_that_had_verified_the_address(
    invitation: LookEmailShare, verified: bool, shares: int
) -> None:
    """Otherwise anyone could register another person's address, and remove its invitations by a deletion."""
    deletion.delete(user=guest(verified=verified))

    run_tasks()

    assert LookEmailShare.objects.count() == shares
    assert not AccountTask.objects.filter(email=EMAIL).exists()
