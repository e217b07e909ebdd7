"""A message arrives at least once, signed, and a receiver that fails costs nobody else anything."""

import time
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
from tests.videos.webhooks.conftest import MakeWebhook, deliver_due, facts, make_due
from videos.models import WebhookDelivery, WebhookEndpoint
from videos.webhooks import client, delivery, endpoints, schedule

pytestmark = pytest.mark.django_db
DISABLED = "The webhook was disabled."


def send_tests(endpoint: WebhookEndpoint, count: int = 1) -> list[WebhookDelivery]:
    return [endpoints.send_test(endpoint=endpoint) for _ in range(count)]


def state_of(endpoint: WebhookEndpoint) -> tuple[bool, str, bool]:
    """Whether it is disabled, why, and whether its attempts fail."""
    endpoint.refresh_from_db()
    return endpoint.disabled_at is not None, endpoint.disabled_reason, endpoint.failing_since is not None


def test_message_arrives_signed(make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver) -> None:
    endpoint = make_webhook(make_user(), receiver)
    [message] = send_tests(endpoint)

    deliver_due()

    [got] = receiver.messages
    assert got.is_signed_by(endpoint.secret)
    assert not got.is_signed_by("whsec_" + "A" * 43)
    data = {"webhookId": str(endpoint.pk)}
    assert got.body == {"type": "webhook.test", "timestamp": got.body["timestamp"], "number": None, "data": data}
    assert (got.id, got.text, got.path) == (message.message_id, message.body, "/hooks?key=a-key")
    assert got.headers["content-type"] == "application/json"
    assert facts(message) == ("delivered", 1, 204, "")
    assert (message.due_at, message.lease, message.delivered_at is None) == (None, None, False)


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
        pauses.append((message.due_at - timezone.now()).total_seconds() if message.due_at else None)

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


def test_message_of_a_dead_worker_is_sent_when_its_lease_ends(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    [message] = send_tests(make_webhook(make_user(), receiver))
    claimed = delivery._claim(delivery.due())  # and the worker dies
    deliver_due()
    assert claimed is not None
    assert receiver.messages == []

    make_due()
    deliver_due()

    assert facts(message) == ("delivered", 2, 204, "")
    assert delivery._report_arrival(claimed, 204) is False  # it wakes, and has lost its lease


def test_message_whose_workers_all_die_is_given_up(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    [message] = send_tests(make_webhook(make_user(), receiver))
    for _ in range(schedule.ATTEMPTS_MOST):
        assert delivery._claim(delivery.due())
        make_due()

    deliver_due()

    assert facts(message) == ("failed", 11, None, "The last attempt was cut off.")
    assert receiver.messages == []


def test_claimed_message_is_claimed_once(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    [message] = send_tests(make_webhook(make_user(), receiver))
    stale = delivery.due().filter(pk=message.pk)
    stale._fetch_all()  # another worker has read the row before

    claims = [delivery._claim(stale), delivery._claim(delivery.due())]

    assert [bool(claim) for claim in claims] == [True, False]


def test_replaced_secret_signs_for_a_day(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    old = endpoint.secret
    endpoints.rotate_secret(endpoint=endpoint)
    send_tests(endpoint)
    deliver_due()
    WebhookEndpoint.objects.update(previous_valid_until=timezone.now())
    send_tests(endpoint)
    deliver_due()

    assert endpoint.secret != old
    signed = [(got.is_signed_by(endpoint.secret), got.is_signed_by(old)) for got in receiver.messages]
    assert signed == [(True, True), (True, False)]


def test_ended_secret_is_forgotten(make_user: MakeUser, make_webhook: MakeWebhook) -> None:
    endpoint = make_webhook(make_user())
    endpoints.rotate_secret(endpoint=endpoint)
    endpoints.forget_previous_secrets()
    endpoint.refresh_from_db()
    assert endpoint.previous_secret
    WebhookEndpoint.objects.update(previous_valid_until=timezone.now())

    endpoints.forget_previous_secrets()

    endpoint.refresh_from_db()
    assert (endpoint.previous_secret, endpoint.previous_valid_until) == ("", None)


def test_second_rotation_at_the_same_time_is_refused(make_user: MakeUser, make_webhook: MakeWebhook) -> None:
    endpoint = make_webhook(make_user())
    stale = WebhookEndpoint.objects.get()
    endpoints.rotate_secret(endpoint=endpoint)

    with pytest.raises(endpoints.RotatedMeanwhile):
        endpoints.rotate_secret(endpoint=stale)


def test_one_receiver_cannot_take_all_threads(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    """Ten messages for each of five webhooks of ann and one of bob: a worker has threads left for bob."""
    ann, bob = make_user(), make_user("bob@example.com")
    hers = [make_webhook(ann, receiver) for _ in range(5)]
    for endpoint in hers:
        send_tests(endpoint, 10)
    his = send_tests(make_webhook(bob, receiver), 10)
    WebhookEndpoint.objects.filter(pk=hers[0].pk).update(failing_since=timezone.now())

    taken = WebhookDelivery.objects.filter(pk__in=delivery.take(limit=16))

    of_endpoint = [taken.filter(endpoint=endpoint).count() for endpoint in hers]
    assert (of_endpoint[0], max(of_endpoint), sum(of_endpoint)) == (1, 2, 4)
    assert taken.filter(endpoint__owner=bob).count() == 2
    assert all(delivery._claim(delivery.due().filter(pk=pk)) for pk in taken.values_list("pk", flat=True))
    assert delivery.take(limit=16) == []
    assert delivery._claim(delivery.due().filter(pk=his[9].pk)) is None


def test_thread_continues_with_the_next_message_while_they_arrive(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    first, *_ = send_tests(make_webhook(make_user(), receiver), 5)
    receiver.account.script = [204, 204, 500]

    delivery.deliver(delivery_id=str(first.pk))

    assert len(receiver.messages) == 3
    assert WebhookDelivery.objects.filter(state="delivered").count() == 2


def test_turn_of_an_endpoint_ends(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "TURN", -1)
    first, *_ = send_tests(make_webhook(make_user(), receiver), 5)

    delivery.deliver(delivery_id=str(first.pk))

    assert len(receiver.messages) == 1


def test_hanging_receiver_is_left_and_tried_again(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SECONDS", 0.3)
    [message] = send_tests(make_webhook(make_user(), receiver))
    receiver.account.script = ["hang"]
    began = time.monotonic()

    deliver_due()

    assert time.monotonic() - began < 5
    assert facts(message) == ("pending", 1, None, "No response within 0.3 s.")


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


def test_message_that_was_deleted_is_no_error() -> None:
    delivery.deliver(delivery_id="0b4eab13-0f4b-4a54-9a0b-000000000000")


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
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=5))
    mailbox.deliver()

    endpoints.disable_if_failing(endpoint_id=WebhookEndpoint.objects.get().pk)

    assert mailbox.deliver() == [(ann.email, "A webhook was switched off")]
    assert "for five days its receiver has accepted no message" in mail.outbox[-1].body
