"""The endpoints of a webhook's messages: what became of each, and sending it again."""

import uuid
from typing import Any

import pytest

from tests.conftest import MakeUser, SignIn
from tests.fakes.receiver import FakeReceiver
from tests.videos.webhooks.conftest import URL, MakeWebhook, deliver_due, make_due
from videos.models import WebhookDelivery
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def test_log_shows_each_message_and_what_became_of_it(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    user = make_user()
    endpoint, client = make_webhook(user, receiver), sign_in(user)
    receiver.account.script = [503]
    sent = client.post(f"{URL}/{endpoint.pk}/test")
    deliver_due()
    failed = client.get(f"{URL}/{endpoint.pk}/deliveries").json()
    make_due()
    deliver_due()
    delivered = client.get(f"{URL}/{endpoint.pk}/deliveries").json()["items"][0]

    item = failed["items"][0]
    assert (sent.status_code, sent.json()["status"], sent.json()["attempts"]) == (202, "pending", 0)
    assert (failed["total"], failed["skip"], failed["limit"]) == (1, 0, 20)
    assert item["nextAttemptAt"] is not None
    assert item["attemptedAt"] is not None
    assert item == {
        "id": sent.json()["id"],
        "messageId": receiver.messages[0].id,
        "type": "webhook.test",
        "number": None,
        "videoJobId": None,
        "status": "pending",
        "attempts": 1,
        "responseStatus": 503,
        "error": "The receiver responded 503.",
        "createdAt": item["createdAt"],
        "attemptedAt": item["attemptedAt"],
        "deliveredAt": None,
        "nextAttemptAt": item["nextAttemptAt"],
    }
    assert (delivered["status"], delivered["attempts"], delivered["responseStatus"]) == ("delivered", 2, 204)
    assert (delivered["error"], delivered["nextAttemptAt"]) == (None, None)


def test_delivered_message_is_sent_again_with_its_id(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    user = make_user()
    endpoint, client = make_webhook(user, receiver), sign_in(user)
    message = endpoints.send_test(endpoint=endpoint)
    deliver_due()

    again = client.post(f"{URL}/{endpoint.pk}/deliveries/{message.pk}/retry")
    deliver_due()

    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (202, "pending", 0)
    assert [got.id for got in receiver.messages] == [message.message_id] * 2
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("delivered", 1)


def test_message_in_flight_is_not_sent_twice(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    user = make_user()
    endpoint = make_webhook(user)
    message = endpoints.send_test(endpoint=endpoint)
    WebhookDelivery.objects.update(lease=uuid.uuid4(), attempts=1)

    again = sign_in(user).post(f"{URL}/{endpoint.pk}/deliveries/{message.pk}/retry")

    assert (again.status_code, again.json()["attempts"]) == (202, 1)


def test_delivery_of_another_webhook_is_unknown(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    ann, bob = make_user(), make_user("bob@example.com")
    of_bob = endpoints.send_test(endpoint=make_webhook(bob))

    refused = sign_in(ann).post(f"{URL}/{make_webhook(ann).pk}/deliveries/{of_bob.pk}/retry")

    assert refused.status_code == 404


def test_deletion_removes_the_log_and_what_waits(
    make_user: MakeUser, sign_in: SignIn, make_webhook: MakeWebhook, rq_hints: Any
) -> None:
    user = make_user()
    endpoint = make_webhook(user)
    endpoints.send_test(endpoint=endpoint)

    deleted = sign_in(user).delete(f"{URL}/{endpoint.pk}")

    assert deleted.status_code == 204
    assert not WebhookDelivery.objects.exists()
