"""Receivers that fail: pauses between attempts, the end after five days, and what their owner learns."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from accounts import access
from accounts.models import AccountTask
from tests.accounts import mailbox
from tests.conftest import MakeUser
from tests.fakes.receiver import FakeReceiver
from tests.videos.webhooks.conftest import MakeWebhook, deliver_due, facts, make_due, send_tests
from videos.models import WebhookDelivery, WebhookEndpoint, from_now
from videos.webhooks import client, delivery, endpoints, schedule

pytestmark = pytest.mark.django_db
DISABLED = "The webhook was disabled."


def state_of(endpoint: WebhookEndpoint) -> tuple[bool, str, bool]:
    """Whether it is disabled, why, and whether its attempts fail."""
    endpoint.refresh_from_db()
    return endpoint.disabled_at is not None, endpoint.disabled_reason, endpoint.failing_since is not None


def test_failed_attempt_is_repeated_with_the_same_id_and_body(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    [message] = send_tests(endpoint)
    receiver.account.script = [500, "reset", 302]
    seen = []

    for _ in range(4):
        make_due()
        deliver_due()
        seen.append((*facts(message), state_of(endpoint)[2]))

    broken = client.BROKEN
    assert seen == [
        ("pending", 1, 500, "The receiver responded 500.", True),
        ("pending", 2, None, broken, True),
        ("pending", 3, 302, "The receiver responded 302.", True),
        ("delivered", 4, 204, "", False),
    ]
    assert {(got.id, got.text) for got in receiver.messages} == {(message.message_id, message.body)}
    assert all(got.is_signed_by(endpoint.secret) for got in receiver.messages)


def test_pauses_are_those_of_the_standard_and_end_after_three_days(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    receiver.account.otherwise = 500
    [message] = send_tests(endpoint)
    pauses = []

    for _ in range(schedule.ATTEMPTS_MOST):
        make_due()
        deliver_due()
        message.refresh_from_db()
        pauses.append((message.due_at - message.updated_at).total_seconds() if message.due_at else None)

    *waited, last = pauses
    assert all(0.89 * most < pause <= most for pause, most in zip(waited, schedule.BACKOFF, strict=True) if pause)
    assert last is None
    assert facts(message) == ("failed", 10, 500, "The receiver responded 500.")
    assert 0.95 * sum(schedule.BACKOFF) == pytest.approx(72 * 3600, rel=0.01)


def test_gone_disables_at_once(make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver) -> None:
    endpoint = make_webhook(make_user(), receiver)
    first, second = send_tests(endpoint, 2)
    receiver.account.otherwise = 410

    deliver_due()

    assert state_of(endpoint)[:2] == (True, "gone")
    assert len(receiver.messages) == 1
    assert sorted([facts(first), facts(second)]) == [
        ("failed", 0, None, DISABLED),
        ("failed", 1, 410, "The receiver responded 410."),
    ]
    assert not AccountTask.objects.exclude(kind="verify_email").exists()


def test_five_days_of_failures_disable_and_mail_the_owner(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    receiver.account.otherwise = 500
    for ago, expected in ((timedelta(days=4, hours=23), False), (timedelta(days=5, seconds=1), True)):
        send_tests(endpoint)
        deliver_due()
        WebhookEndpoint.objects.update(failing_since=timezone.now() - ago)
        make_due()
        deliver_due()
        assert state_of(endpoint)[0] is expected

    assert state_of(endpoint) == (True, "failing", True)
    task = AccountTask.objects.get(kind="webhook_disabled")
    assert (task.user, task.email) == (endpoint.owner, endpoint.owner.email)
    assert not WebhookDelivery.objects.filter(state="pending").exists()
    receiver.account.otherwise = 204
    endpoints.change(endpoint=endpoint, is_active=True)
    assert state_of(endpoint) == (False, "", False)


def test_success_in_between_starts_the_five_days_again(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
    send_tests(endpoint)
    deliver_due()
    receiver.account.otherwise = 500
    send_tests(endpoint)

    deliver_due()

    assert state_of(endpoint) == (False, "", True)


def test_disabled_webhook_and_deactivated_account_are_sent_nothing(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    hers, his = make_webhook(ann, receiver), make_webhook(bob, receiver)
    [of_ann], [of_bob] = send_tests(hers), send_tests(his)
    endpoints.change(endpoint=hers, is_active=False)
    access.deactivate(user=bob)

    deliver_due()
    for message in (of_ann, of_bob):
        delivery.deliver(delivery_id=str(message.pk))

    assert receiver.messages == []
    assert (facts(of_ann), facts(of_bob)) == (("failed", 0, None, DISABLED), ("pending", 0, None, ""))
    assert delivery.overdue_since() is None


def test_webhook_that_is_disabled_during_the_attempt_gets_no_other(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    [message] = send_tests(endpoint)
    claimed = delivery._claim(delivery.due())
    assert claimed
    endpoints.change(endpoint=endpoint, is_active=False)

    delivery._report_failure(claimed, status=500, error="The receiver responded 500.", facts={})

    assert facts(message) == ("failed", 1, None, DISABLED)


def test_overdue_counts_receivers_that_accept_messages(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    good, bad = make_webhook(make_user(), receiver), make_webhook(make_user("bob@example.com"), receiver)
    send_tests(good)
    send_tests(bad)
    WebhookEndpoint.objects.filter(pk=bad.pk).update(failing_since=timezone.now())
    WebhookDelivery.objects.filter(endpoint=bad).update(due_at=F("due_at") - timedelta(hours=1))

    since = delivery.overdue_since()

    assert since == WebhookDelivery.objects.get(endpoint=good).due_at


def test_owner_of_a_failing_webhook_gets_a_mail(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    ann = make_user()
    make_webhook(ann, receiver)
    WebhookEndpoint.objects.update(failing_since=from_now(-schedule.DISABLED_AFTER))
    mailbox.deliver()

    endpoints.disable_if_failing(endpoint_id=WebhookEndpoint.objects.get().pk)

    assert mailbox.deliver() == [(ann.email, "A webhook was switched off")]
    assert "for five days its receiver has accepted no message" in mail.outbox[-1].body
