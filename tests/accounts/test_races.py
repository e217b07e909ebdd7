"""Concurrent requests: invariants when two, or twenty, arrive at the same moment."""

import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from auditlog.models import LogEntry
from django.db import transaction
from rest_framework.test import APIClient

from accounts import ledger
from accounts.models import ApiKey, LedgerEntry, TokenAccount, User
from accounts.sign_in import api_keys
from accounts.throttles import AttemptThrottle
from studio.errors import InsufficientFunds
from tests.threads import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_account_that_can_pay_three_pays_three(make_user: Callable[..., User]) -> None:
    user = make_user(tokens=199)

    def charge() -> str:
        try:
            with transaction.atomic():
                ledger.charge(account=ledger.lock_account(user_id=user.pk), job_id=uuid.uuid4(), tokens=50)
        except InsufficientFunds:
            return "refused"
        return "paid"

    assert Counter(at_once([charge] * 20)) == {"paid": 3, "refused": 17}
    assert TokenAccount.objects.get(user=user).balance == 49
    assert list(LedgerEntry.objects.order_by("-balance_after").values_list("amount", "balance_after")) == [
        (199, 199),
        (-50, 149),
        (-50, 99),
        (-50, 49),
    ]


def test_job_is_charged_and_refunded_once(make_user: Callable[..., User]) -> None:
    user, job_id = make_user(tokens=60), uuid.uuid4()

    def charge() -> int:
        with transaction.atomic():
            return ledger.charge(account=ledger.lock_account(user_id=user.pk), job_id=job_id, tokens=50)

    assert Counter(at_once([charge] * 8)) == {50: 8}
    assert TokenAccount.objects.get(user=user).balance == 10
    assert Counter(at_once([lambda: ledger.refund(user_id=user.pk, job_id=job_id, note="")] * 8)) == {50: 1, 0: 7}
    assert TokenAccount.objects.get(user=user).balance == 60
    assert LedgerEntry.objects.count() == 3


def test_address_is_registered_once() -> None:
    form = {"email": "ann@example.com", "password": "lorry-violet-42"}

    def register() -> tuple[int, str]:
        answer = APIClient().post("/api/v1/auth/register", form)
        return answer.status_code, answer.json().get("code", "")

    assert Counter(at_once([register] * 6)) == {(201, ""): 1, (400, "email_taken"): 5}
    assert (User.objects.count(), TokenAccount.objects.count(), LedgerEntry.objects.count()) == (1, 1, 1)


def test_fifty_first_key_is_created_once(make_user: Callable[..., User]) -> None:
    user = make_user()
    ApiKey.objects.bulk_create(ApiKey(user=user, name="x", digest=f"{number}") for number in range(49))

    def create() -> str:
        try:
            api_keys.create(user=user, name="x", scopes=["looks:read"])
        except api_keys.TooManyKeys:
            return "refused"
        return "created"

    assert Counter(at_once([create] * 8)) == {"created": 1, "refused": 7}
    assert ApiKey.objects.count() == 50


def test_key_is_revoked_once(make_user: Callable[..., User]) -> None:
    user, boss = make_user(), make_user("boss@example.com", staff=True)
    key, _ = api_keys.create(user=user, name="x", scopes=["looks:read"])

    at_once([lambda: api_keys.revoke(key=ApiKey.objects.get(pk=key.pk), actor=boss)] * 8)

    assert LogEntry.objects.filter(object_pk=str(key.pk)).count() == 1


def test_parallel_attempts_are_all_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AttemptThrottle, "timer", staticmethod(lambda: 1_000_000.0))  # one window for all

    def attempt() -> int:
        return APIClient().post("/api/v1/auth/token", {"email": "ann@example.com"}).status_code

    assert Counter(at_once([attempt] * 30)) == {400: 10, 429: 20}
