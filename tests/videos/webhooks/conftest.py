"""A receiver, webhooks that send to it, events, and the steps that lead from them to messages."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from rest_framework.test import APIClient

from accounts.models import User
from tests.conftest import MakeUser, SignIn
from tests.fakes.receiver import FakeReceiver
from videos.models import Event, WebhookDelivery, WebhookEndpoint, events
from videos.webhooks import delivery, dispatch, endpoints
from videos.webhooks.messages import KINDS

MakeWebhook = Callable[..., WebhookEndpoint]

URL = "/api/v1/webhooks"


@pytest.fixture
def receiver(settings: Any) -> Iterator[FakeReceiver]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with FakeReceiver() as receiver:
        yield receiver


@pytest.fixture
def make_webhook(db: None) -> MakeWebhook:
    def make(owner: User, receiver: FakeReceiver | None = None, **fields: Any) -> WebhookEndpoint:
        url = f"{receiver.url}/hooks?key=a-key" if receiver else "https://hooks.example.com/"
        values = {"url": url, "kinds": KINDS, "origin": "https://studio.example.com"} | fields
        return endpoints.create(owner=owner, **values)

    return make


def make_deliveries() -> None:
    """One round of the sweeper's."""
    dispatch.dispatch(is_stopped=lambda: False)


def deliver_due() -> None:
    """Send what is due, and what the first messages lead to, as a worker does."""
    while ids := delivery.take(limit=100):
        for delivery_id in ids:
            delivery.deliver(delivery_id=delivery_id)


def make_due(**of: Any) -> None:
    """Make waiting messages due now, and end their leases."""
    WebhookDelivery.objects.filter(state="pending", **of).update(due_at=Now())


def facts(message: WebhookDelivery) -> tuple[str, int, int | None, str]:
    """State, attempts, the receiver's last status, and the last error."""
    message.refresh_from_db()
    return message.state, message.attempts, message.response_status, message.last_error


def send_tests(endpoint: WebhookEndpoint, count: int = 1) -> list[WebhookDelivery]:
    return [endpoints.send_test(endpoint=endpoint) for _ in range(count)]


@pytest.fixture
def ann(make_user: MakeUser, sign_in: SignIn) -> APIClient:
    return sign_in(make_user())


def record(job: Any, *kinds: str) -> None:
    """Record changes of a job, as its steps do."""
    for kind in kinds:
        with transaction.atomic():
            events.record(Event.Kind(kind), [(job.owner_id, job.pk)])


def numbers_of(endpoint: WebhookEndpoint) -> list[tuple[int | None, str]]:
    return list(endpoint.deliveries.order_by("number").values_list("number", "kind"))


def cursor_of(endpoint: WebhookEndpoint) -> int:
    endpoint.refresh_from_db()
    return endpoint.last_number
