"""Writes that the database itself refuses."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts.models import LedgerEntry, SignIn, TokenAccount, User

JOB = uuid.UUID(int=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(make_user: Callable[..., User]) -> TokenAccount:
    return make_user(tokens=10).token_account  # with a sign-up entry


def write(account: TokenAccount, kind: str, amount: int, **fields: Any) -> None:
    with transaction.atomic():
        LedgerEntry.objects.create(account=account, kind=kind, amount=amount, **{"balance_after": 0, **fields})


def entries() -> int:
    return LedgerEntry.objects.count()


def test_user_email_is_lower_case() -> None:
    with pytest.raises(IntegrityError, match="user_email_is_lower_case"), transaction.atomic():
        User(email="Ann@example.com").save()
    assert User.objects.count() == 0


def test_one_user_an_address(account: TokenAccount) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User(email=account.user.email).save()
    assert User.objects.count() == 1


def test_one_account_a_user(account: TokenAccount) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenAccount.objects.create(user=account.user)
    assert TokenAccount.objects.count() == 1


def test_balance_is_never_negative(account: TokenAccount) -> None:
    with pytest.raises(IntegrityError, match="balance_is_never_negative"), transaction.atomic():
        TokenAccount.objects.update(balance=-1)
    account.refresh_from_db()
    assert account.balance == 10


@pytest.mark.parametrize("kind", ["charge", "refund"])
def test_one_entry_a_job_and_kind(account: TokenAccount, make_user: Callable[..., User], kind: str) -> None:
    other = make_user("bob@example.com", tokens=0).token_account
    write(account, kind, 0, video_job_id=JOB)

    for owner in (account, other):
        with pytest.raises(IntegrityError):
            write(owner, kind, 0, video_job_id=JOB)
    write(account, kind, 0, video_job_id=uuid.UUID(int=2))
    assert entries() == 3


def test_one_signup_an_account(account: TokenAccount) -> None:
    with pytest.raises(IntegrityError):
        write(account, "signup", 10)
    write(account, "grant", 1)
    write(account, "grant", 1)
    assert entries() == 3


@pytest.mark.parametrize(
    ("kind", "job_id"),
    [("charge", None), ("refund", None), ("signup", JOB), ("grant", JOB), ("adjustment", JOB), ("gift", None)],
)
def test_job_entries_name_their_job(make_user: Callable[..., User], kind: str, job_id: uuid.UUID | None) -> None:
    account = make_user(tokens=0).token_account

    # an unknown kind breaks both rules about kinds, and the database names either
    with pytest.raises(IntegrityError, match=r"job_entries_name_their_job|entry_moves_the_right_way"):
        write(account, kind, 0, video_job_id=job_id)
    assert entries() == 0


@pytest.mark.parametrize(
    ("kind", "amount", "job_id"), [("charge", 1, JOB), ("refund", -1, JOB), ("signup", -1, None), ("grant", -1, None)]
)
def test_entry_moves_the_right_way(
    make_user: Callable[..., User], kind: str, amount: int, job_id: uuid.UUID | None
) -> None:
    account = make_user(tokens=0).token_account

    with pytest.raises(IntegrityError, match="entry_moves_the_right_way"):
        write(account, kind, amount, video_job_id=job_id)
    assert entries() == 0


def test_adjustment_moves_either_way(account: TokenAccount) -> None:
    write(account, "adjustment", 1)
    write(account, "adjustment", -1)

    assert entries() == 3


def test_balance_after_is_never_negative(account: TokenAccount) -> None:
    with pytest.raises(IntegrityError, match="balance_after_is_never_negative"):
        write(account, "grant", 1, balance_after=-1)
    assert entries() == 1


def test_user_with_tokens_is_never_deleted(account: TokenAccount) -> None:
    with pytest.raises(ProtectedError):
        account.user.delete()
    with pytest.raises(ProtectedError):
        account.delete()
    assert (User.objects.count(), TokenAccount.objects.count(), entries()) == (1, 1, 1)


def test_channel_of_a_sign_in_is_known() -> None:
    with pytest.raises(IntegrityError, match="sign_in_door_is_known"), transaction.atomic():
        SignIn.objects.create(channel="window", succeeded=True)
    assert SignIn.objects.count() == 0


def test_every_named_constraint_is_in_the_database() -> None:
    with connection.cursor() as cursor:
        found = {
            name
            for model in (User, TokenAccount, LedgerEntry, SignIn)
            for name in connection.introspection.get_constraints(cursor, model._meta.db_table)
        }

    named = {
        item.name
        for model in (User, TokenAccount, LedgerEntry, SignIn)
        for item in (*model._meta.constraints, *model._meta.indexes)
    }
    assert named - found == set()
    assert len(named) == 16
