"""A webhook that failed once, long ago, is not disabled by the first failure that follows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.conftest import MakeUser
from tests.fakes.receiver import FakeReceiver
from tests.videos.webhooks.conftest import MakeWebhook, deliver_due, make_due
from videos.models import WebhookEndpoint
from videos.webhooks import endpoints

pytestmark = pytest.mark.django_db


def test_first_failure_after_a_silence_does_not_disable(
    make_user: MakeUser, make_webhook: MakeWebhook, receiver: FakeReceiver
) -> None:
    endpoint = make_webhook(make_user(), receiver)
    receiver.account.otherwise = 502
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=6))
    endpoints.send_test(endpoint=endpoint)

    deliver_due()
    endpoint.refresh_from_db()
    after_one = endpoint.disabled_reason
    make_due()
    deliver_due()
    endpoint.refresh_from_db()

    assert (after_one, endpoint.disabled_reason) == ("", "failing")
