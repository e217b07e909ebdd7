"""A message arrives at least once, signed, and a slow receiver delays no other one."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.conftest import MakeUser
from tests.fakes.receiver import FakeReceiver
from tests.fixtures.video_jobs import MakeJob
from tests.videos.webhooks.conftest import (
    MakeWebhook,
    deliver_due,
    facts,
    make_deliveries,
    make_due,
    record,
    send_tests,
)
from videos.models import WebhookDelivery, WebhookEndpoint, from_now
from videos.webhooks import client, delivery, endpoints, schedule

pytestmark = pytest.mark.django_db


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
    WebhookEndpoint.objects.update(previous_valid_until=from_now(-1))
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
    WebhookEndpoint.objects.update(previous_valid_until=from_now(-1))

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


def test_message_that_was_deleted_is_no_error() -> None:
    delivery.deliver(delivery_id="0b4eab13-0f4b-4a54-9a0b-000000000000")


def test_machine_whose_clock_is_ahead_delays_no_message(
    make_user: MakeUser,
    make_webhook: MakeWebhook,
    make_job: MakeJob,
    receiver: FakeReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ann, ahead = make_user(), timezone.now() + timedelta(minutes=1)
    endpoint = make_webhook(ann, receiver)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: ahead)
        send_tests(endpoint)
        record(make_job(ann), "job.created")
        make_deliveries()

    deliver_due()

    assert sorted(got.body["type"] for got in receiver.messages) == ["job.created", "webhook.test"]


def test_messages_that_are_due_at_once_are_sent_in_order_of_their_events(
    make_user: MakeUser, make_webhook: MakeWebhook, make_job: MakeJob, receiver: FakeReceiver
) -> None:
    ann = make_user()
    make_webhook(ann, receiver)
    record(make_job(ann), "job.created", *["job.updated"] * 9)
    make_deliveries()
    first = WebhookDelivery.objects.get(number=1)

    delivery.deliver(delivery_id=str(first.pk))

    assert [got.body["number"] for got in receiver.messages] == list(range(1, 11))
