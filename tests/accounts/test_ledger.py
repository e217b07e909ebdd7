import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from accounts import ledger
from accounts.models import LedgerEntry, TokenAccount, User
from studio.errors import InsufficientFunds, InvalidInput

JOB, OTHER_JOB = uuid.UUID(int=1), uuid.UUID(int=2)

pytestmark = pytest.mark.django_db


def charge(user: User, job_id: uuid.UUID = JOB, tokens: int = 50) -> int:
    with transaction.atomic():
        return ledger.charge(account=ledger.lock_account(user_id=user.pk), job_id=job_id, tokens=tokens)


def refund(user: User, job_id: uuid.UUID = JOB) -> int:
    return ledger.refund(user_id=user.pk, job_id=job_id, note="the video failed")


def ledger_entries(user: User) -> list[tuple[Any, ...]]:
    """Every entry, oldest first, after checking that they add up to the balance."""
    account = TokenAccount.objects.get(user=user)
    entries = account.entries.order_by("created_at")
    assert account.balance == (entries.aggregate(sum=Sum("amount"))["sum"] or 0)
    return list(entries.values_list("kind", "amount", "balance_after", "video_job_id", "note"))


def test_grant_adds_tokens(make_user: Callable[..., User]) -> None:
    user, admin = make_user(tokens=0), make_user("sue@example.com", staff=True)

    entry = ledger.grant(user=user, tokens=500, note="invoice 7", actor=admin)

    assert ledger_entries(user) == [("grant", 500, 500, None, "invoice 7")]
    assert (entry.account.user, entry.actor, entry.balance_after) == (user, admin, 500)


@pytest.mark.parametrize("tokens", [0, -1, 1_000_000_001])
def test_grant_of_a_number_that_is_none(make_user: Callable[..., User], tokens: int) -> None:
    user = make_user(tokens=0)

    with pytest.raises(InvalidInput, match=r"from 1 to 1,000,000,000"):
        ledger.grant(user=user, tokens=tokens, note="")
    assert ledger_entries(user) == []


@pytest.mark.parametrize(("tokens", "balance"), [(7, 107), (-100, 0)])
def test_correction_goes_either_way(make_user: Callable[..., User], tokens: int, balance: int) -> None:
    user, admin = make_user(tokens=100), make_user("sue@example.com", staff=True)

    entry = ledger.adjust(user=user, tokens=tokens, note="counted twice", actor=admin)

    assert ledger_entries(user)[1:] == [("adjustment", tokens, balance, None, "counted twice")]
    assert (entry.actor, entry.balance_after) == (admin, balance)


@pytest.mark.parametrize(
    ("tokens", "note", "message"),
    [
        (0, "why", "not 0"),
        (1_000_000_001, "why", "1,000,000,000"),
        (-1_000_000_001, "why", "1,000,000,000"),
        (1, " ", "needs a reason"),
        (1, "y" * 501, "longer than 500"),
    ],
)
def test_correction_out_of_bounds(make_user: Callable[..., User], tokens: int, note: str, message: str) -> None:
    user = make_user(tokens=10)

    with pytest.raises(InvalidInput, match=message):
        ledger.adjust(user=user, tokens=tokens, note=note)
    assert ledger_entries(user) == [("signup", 10, 10, None, "")]


def test_correction_below_zero_writes_nothing(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=10)

    with pytest.raises(InsufficientFunds, match="The balance is 10; it cannot go below zero"):
        ledger.adjust(user=user, tokens=-11, note="too much")
    assert ledger_entries(user) == [("signup", 10, 10, None, "")]


def test_repeated_correction_changes_nothing(make_user: Callable[..., User]) -> None:
    user, entry_id = make_user(tokens=10), uuid.uuid4()

    first = ledger.adjust(user=user, tokens=-10, note="why", entry_id=entry_id)
    again = ledger.adjust(user=user, tokens=-10, note="why", entry_id=entry_id)

    assert first == again
    assert ledger_entries(user)[1:] == [("adjustment", -10, 0, None, "why")]


def test_charge_takes_the_price(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=80)

    assert charge(user) == 50
    assert ledger_entries(user) == [("signup", 80, 80, None, ""), ("charge", -50, 30, JOB, "")]


def test_last_token_can_be_spent(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=50)

    assert charge(user) == 50
    assert ledger_entries(user)[-1] == ("charge", -50, 0, JOB, "")


def test_repeated_charge_changes_nothing_even_when_the_balance_is_gone(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=50)
    charge(user)

    assert charge(user) == 50
    assert ledger_entries(user) == [("signup", 50, 50, None, ""), ("charge", -50, 0, JOB, "")]


def test_charge_above_the_balance_writes_nothing(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=49)

    with pytest.raises(InsufficientFunds, match=r"^Insufficient tokens$"):
        charge(user)
    assert ledger_entries(user) == [("signup", 49, 49, None, "")]


def test_refused_charge_leaves_the_transaction_usable(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=49)

    with transaction.atomic():
        account = ledger.lock_account(user_id=user.pk)
        with pytest.raises(InsufficientFunds):
            ledger.charge(account=account, job_id=JOB, tokens=50)
        ledger.charge(account=account, job_id=OTHER_JOB, tokens=49)

    assert ledger_entries(user) == [("signup", 49, 49, None, ""), ("charge", -49, 0, OTHER_JOB, "")]


def test_can_pay(make_user: Callable[..., User]) -> None:
    account = make_user(tokens=50).token_account

    assert [ledger.can_pay(account=account, tokens=tokens) for tokens in (50, 51)] == [True, False]
    account.unlimited = True
    assert ledger.can_pay(account=account, tokens=51)


def test_refund_gives_back_once(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=50)
    charge(user)

    assert [refund(user), refund(user)] == [50, 0]
    assert ledger_entries(user) == [
        ("signup", 50, 50, None, ""),
        ("charge", -50, 0, JOB, ""),
        ("refund", 50, 50, JOB, "the video failed"),
    ]


def test_only_what_was_charged_is_given_back(make_user: Callable[..., User]) -> None:
    user, neighbour = make_user(tokens=50), make_user("bob@example.com", tokens=50)
    charge(neighbour)

    assert [refund(user), refund(user, OTHER_JOB)] == [0, 0]
    assert ledger_entries(user) == [("signup", 50, 50, None, "")]
    assert ledger_entries(neighbour) == [("signup", 50, 50, None, ""), ("charge", -50, 0, JOB, "")]


def test_unlimited_account_pays_nothing_and_its_jobs_are_recorded(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=0)
    TokenAccount.objects.filter(user=user).update(unlimited=True)

    assert (charge(user), charge(user), refund(user)) == (0, 0, 0)
    assert ledger_entries(user) == [("charge", 0, 0, JOB, "")]


def test_lock_of_an_unknown_account_raises() -> None:
    with pytest.raises(TokenAccount.DoesNotExist):
        ledger.lock_account(user_id=uuid.uuid4())


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda _: LedgerEntry.objects.update(amount=1),
        lambda _: LedgerEntry.objects.all().delete(),
        lambda entry: LedgerEntry.objects.bulk_update([entry], ["amount"]),
    ],
    ids=["save", "delete", "update", "delete all", "bulk_update"],
)
def test_entries_are_only_added(make_user: Callable[..., User], change: Callable[[LedgerEntry], object]) -> None:
    user = make_user(tokens=80)
    entry = LedgerEntry.objects.get()
    entry.amount = 1_000_000

    with pytest.raises(TypeError, match="record a correction instead"), transaction.atomic():
        change(entry)
    assert ledger_entries(user) == [("signup", 80, 80, None, "")]


def test_readable_names_contain_no_secrets(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=80)
    entry = LedgerEntry.objects.get()

    assert str(user) == "ann@example.com"
    assert str(user.token_account) == "tokens of ann@example.com"
    assert str(entry) == "Signup: +80 tokens"
    assert repr(user) == f"<User {user.pk}>"  # what an error report has, and no address
