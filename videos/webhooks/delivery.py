"""Sends the messages that are due: the step of the queue `webhooks`.

A claim sets a lease; only its holder reports the outcome. A message whose worker dies is due again when its lease
ends, so it arrives at least once, and may arrive twice.
"""

import logging
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from studio.observability import log
from videos.engine.metrics import WEBHOOKS
from videos.models import WebhookDelivery, WebhookEndpoint, from_now
from videos.webhooks import client, endpoints, schedule, signatures

logger = logging.getLogger(__name__)

State = WebhookDelivery.State
GONE = 410  # the receiver wants no more messages


def deliver(*, delivery_id: str) -> None:
    """Send a message that is due; then further ones of its endpoint for a while, as long as they arrive."""
    ends_at = time.monotonic() + schedule.TURN
    delivery = _claim(due().filter(pk=delivery_id))
    while delivery is not None:
        with log.context(delivery_id=str(delivery.pk), endpoint_id=str(delivery.endpoint_id)):
            has_arrived = _attempt(delivery)
        goes_on = has_arrived and time.monotonic() < ends_at
        delivery = _claim(due().filter(endpoint=delivery.endpoint_id)) if goes_on else None


def due() -> QuerySet[WebhookDelivery]:
    """The messages that are due, the longest first, those of one moment in order of their events.

    Those of a deactivated account wait.
    """
    messages = WebhookDelivery.objects.filter(
        due_at__isnull=False, due_at__lte=Now(), endpoint__disabled_at=None, endpoint__owner__is_active=True
    )
    return messages.select_related("endpoint").order_by("due_at", "number", "id")


def take(*, limit: int) -> list[str]:
    """The ids of up to `limit` messages that are due, as many of each endpoint and owner as may be sent at a time.

    It is no claim: workers that take the same message at once claim it once.
    """
    being_sent, taken = _BeingSent(), list[str]()
    while len(taken) < limit:
        message = due().exclude(pk__in=taken).exclude(endpoint__in=being_sent.full).first()
        if message is None:
            break
        if being_sent.has_room_for(message.endpoint):
            being_sent.add(message.endpoint)
            taken.append(str(message.pk))
    return taken


class _BeingSent:
    """How many messages each endpoint and each owner is being sent. Approximate: other workers claim meanwhile."""

    def __init__(self) -> None:
        held = WebhookDelivery.objects.filter(lease__isnull=False, due_at__gt=Now()).order_by()
        rows = list(held.values_list("endpoint", "endpoint__owner"))
        self._of_endpoint = Counter(endpoint_id for endpoint_id, _ in rows)
        self._of_owner = Counter(owner_id for _, owner_id in rows)
        self.full = set[uuid.UUID]()

    def has_room_for(self, endpoint: WebhookEndpoint) -> bool:
        """Whether one more message may be sent; remembers an endpoint that has none as full."""
        most = schedule.FAILING_AT_ONCE_MOST if endpoint.failing_since else schedule.AT_ONCE_MOST
        has_room = (
            self._of_endpoint[endpoint.pk] < most and self._of_owner[endpoint.owner_id] < schedule.OWNER_AT_ONCE_MOST
        )
        if not has_room:
            self.full.add(endpoint.pk)
        return has_room

    def add(self, endpoint: WebhookEndpoint) -> None:
        self._of_endpoint[endpoint.pk] += 1
        self._of_owner[endpoint.owner_id] += 1


def _claim(messages: QuerySet[WebhookDelivery]) -> WebhookDelivery | None:
    """Claim the first of these due messages; None without one, or if its endpoint is full."""
    message = messages.first()
    if message is None or not _BeingSent().has_room_for(message.endpoint):
        return None
    unclaimed = WebhookDelivery.objects.filter(pk=message.pk, lease=message.lease, due_at__lte=Now())
    message.lease, message.attempts = uuid.uuid4(), message.attempts + 1
    claim = {"lease": message.lease, "attempts": F("attempts") + 1, "due_at": from_now(schedule.LEASE)}
    if not unclaimed.update(**claim, attempted_at=Now(), updated_at=Now()):
        return None
    if message.attempts <= schedule.ATTEMPTS_MOST:
        return message
    _report_failure(message, status=None, error="The last attempt was cut off.", facts={})
    return None


def _attempt(message: WebhookDelivery) -> bool:
    """Send the message and report the outcome; whether it has arrived."""
    endpoint, began = message.endpoint, time.monotonic()
    secrets = [endpoint.secret]
    if endpoint.previous_valid_until and endpoint.previous_valid_until > timezone.now():
        secrets.append(endpoint.previous_secret)
    headers = signatures.headers(
        message_id=message.message_id, sent_at=datetime.now(UTC), body=message.body, secrets=secrets
    )
    status, error = None, ""
    try:
        status = client.post(url=endpoint.url, body=message.body.encode(), headers=headers)
    except client.SendFailed as exc:
        error = str(exc)
    facts = {"seconds": round(time.monotonic() - began, 2), "status": status}
    if status is not None and 200 <= status < 300:
        if _report_arrival(message, status):
            WEBHOOKS.add("delivered")
            logger.info("webhook.delivered", extra={**facts, "attempts": message.attempts})
        return True
    _report_failure(message, status=status, error=error or f"The receiver responded {status}.", facts=facts)
    return False


def _report_arrival(message: WebhookDelivery, status: int) -> bool:
    """Record the arrival; False if the lease was lost meanwhile."""
    with transaction.atomic():
        # the endpoint first, as everywhere
        failing = WebhookEndpoint.objects.filter(pk=message.endpoint_id, failing_since__isnull=False)
        failing.update(failing_since=None, updated_at=Now())
        changes = {"state": State.DELIVERED, "delivered_at": Now(), "response_status": status, "last_error": ""}
        return bool(_held(message).update(**changes, due_at=None, lease=None, updated_at=Now()))


def _report_failure(message: WebhookDelivery, *, status: int | None, error: str, facts: Mapping[str, object]) -> None:
    """Record the failure: the message is tried again later, or given up. May disable the endpoint."""
    is_final = status == GONE or message.attempts >= schedule.ATTEMPTS_MOST
    changes: dict[str, object] = {"response_status": status, "last_error": error[:200], "lease": None}
    if is_final:
        changes |= {"state": State.FAILED, "due_at": None}
    else:
        changes |= {"due_at": from_now(schedule.backoff(message.attempts))}
    with transaction.atomic():
        # unless the owner has changed the URL meanwhile
        endpoint = WebhookEndpoint.objects.filter(pk=message.endpoint_id, url=message.endpoint.url, failing_since=None)
        endpoint.update(failing_since=Now(), updated_at=Now())
        if not _held(message).update(**changes, updated_at=Now()):
            transaction.set_rollback(True)
            return
    WEBHOOKS.add("given_up" if is_final else "failed")
    logger.warning(
        "webhook.failed", extra={**facts, "attempts": message.attempts, "error": error, "is_final": is_final}
    )
    if status == GONE:
        endpoints.disable(endpoint_id=message.endpoint_id, reason=WebhookEndpoint.Reason.GONE)
    elif message.attempts > 1:  # the first failure after a silence of days is no proof
        endpoints.disable_if_failing(endpoint_id=message.endpoint_id)


def _held(message: WebhookDelivery) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(pk=message.pk, lease=message.lease)


def overdue_since() -> datetime | None:
    """When the most overdue message became due, of receivers that accept messages; None without one.

    The messages of others may wait for a long time, because few of them are sent at a time.
    """
    late = due().filter(endpoint__failing_since=None)
    return late.values_list("due_at", flat=True).first()
