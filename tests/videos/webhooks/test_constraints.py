"""What the database refuses of webhooks and their messages."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError

from tests.conftest import MakeUser
from tests.videos.webhooks.conftest import MakeWebhook
from videos.models import WebhookDelivery, WebhookEndpoint
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def test_rows_beyond_ten_are_refused_by_the_database(make_user: MakeUser, make_webhook: MakeWebhook) -> None:
    endpoint = make_webhook(make_user())
    endpoint.pk, endpoint.place = uuid.uuid4(), 11

    with pytest.raises(IntegrityError, match="webhook_place_is_known"):
        endpoint.save(force_insert=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"disabled_reason": "gone"},
        {"previous_secret": "whsec_x"},
        {"disabled_at": "2026-11-30T12:00Z"},
        {"previous_valid_until": "2026-11-30T12:00Z"},
    ],
)
def test_half_a_state_is_refused_by_the_database(
    make_user: MakeUser, make_webhook: MakeWebhook, changes: dict[str, str]
) -> None:
    make_webhook(make_user())

    with pytest.raises(IntegrityError):
        WebhookEndpoint.objects.update(**changes)


@pytest.mark.parametrize("changes", [{"state": "delivered"}, {"due_at": None}])
def test_message_is_due_if_and_only_if_it_is_pending(
    make_user: MakeUser, make_webhook: MakeWebhook, changes: dict[str, Any], rq_hints: Any
) -> None:
    endpoints.send_test(endpoint=make_webhook(make_user()))

    with pytest.raises(IntegrityError, match="webhook_pending_if_and_only_if_due"):
        WebhookDelivery.objects.update(**changes)
