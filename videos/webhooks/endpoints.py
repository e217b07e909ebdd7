"""What owners and staff do with webhooks: create, change, test, rotate the secret, disable, delete, send again.

Lock order: user, endpoint, deliveries.
"""

import logging
import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts import tasks
from accounts.models import AccountTask, User
from studio.backoffice import audit
from studio.errors import Conflict
from videos.engine.hints import hint
from videos.limits import MAX_WEBHOOKS, WEBHOOK_PLACES
from videos.models import WebhookDelivery, WebhookEndpoint, events, from_now
from videos.webhooks import messages, schedule, signatures

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=24)  # in which a replaced secret still signs
Reason = WebhookEndpoint.Reason
State = WebhookDelivery.State


class TooManyWebhooks(Conflict):
    """The account has as many webhooks as it may have."""

    code = "too_many_webhooks"
    message = f"You have {MAX_WEBHOOKS} webhooks. Delete one that is no longer used."


class WebhookDisabled(Conflict):
    """Nothing is sent to a disabled webhook."""

    code = "webhook_disabled"
    message = 'The webhook is disabled. Enable it first: PATCH it with {"status": "active"}.'


class RotatedMeanwhile(Conflict):
    """Another request rotated the secret at the same time."""

    message = "The secret was rotated at the same time. List the webhooks, and try again if the new one was lost."


def create(*, owner: User, url: str, kinds: Collection[str], origin: str, description: str = "") -> WebhookEndpoint:
    """Create a webhook, which is sent the events from now on. `origin`: scheme and host of links in its messages.

    Raises TooManyWebhooks.
    """
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)  # two requests must not take the same place
        taken = set(WebhookEndpoint.objects.filter(owner=owner).values_list("place", flat=True))
        place = next((place for place in WEBHOOK_PLACES if place not in taken), None)
        if place is None:
            raise TooManyWebhooks
        endpoint = WebhookEndpoint.objects.create(
            owner=owner,
            place=place,
            url=url,
            description=description,
            events=_ordered(kinds),
            origin=origin,
            secret=signatures.new_secret(),
            last_number=_last_number(owner.pk),
        )
    logger.info("webhook.created", extra={"endpoint_id": endpoint.pk, "user_id": owner.pk})
    return endpoint


def change(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    description: str | None = None,
    kinds: Collection[str] | None = None,
    is_active: bool | None = None,
) -> None:
    """Change what is given. An enabled webhook is sent the events from now on."""
    changes: dict[str, Any] = {}
    if url is not None and url != endpoint.url:
        changes |= {"url": url, "failing_since": None}  # the failures were of the other address
    if description is not None:
        changes["description"] = description
    if kinds is not None:
        changes["events"] = _ordered(kinds)
    with transaction.atomic():
        if changes:
            WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes, updated_at=Now())
        if is_active is True:
            _enable(endpoint)
        elif is_active is False:
            disable(endpoint_id=endpoint.pk, reason=Reason.OWNER)
    logger.info("webhook.changed", extra={"endpoint_id": endpoint.pk, "fields": sorted(changes)})


def _ordered(kinds: Collection[str]) -> list[str]:
    return [kind.value for kind in messages.KINDS if kind in kinds]


def _last_number(owner_id: uuid.UUID) -> int:
    return events.last_numbers([owner_id]).get(owner_id, 0)


def _enable(endpoint: WebhookEndpoint) -> None:
    active = {"disabled_at": None, "disabled_reason": "", "failing_since": None}
    disabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False)
    if disabled.update(**active, last_number=_last_number(endpoint.owner_id), updated_at=Now()):
        logger.info("webhook.enabled", extra={"endpoint_id": endpoint.pk})


def disable(*, endpoint_id: uuid.UUID, reason: Reason) -> bool:
    """Send nothing more there, and give up what waits; False if it is disabled already, or deleted."""
    with transaction.atomic():
        enabled = WebhookEndpoint.objects.filter(pk=endpoint_id, disabled_at=None)
        if not enabled.update(disabled_at=Now(), disabled_reason=reason, updated_at=Now()):
            return False
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint_id, due_at__isnull=False)
        given_up = {"state": State.FAILED, "due_at": None, "lease": None, "last_error": "The webhook was disabled."}
        count = waiting.update(**given_up, updated_at=Now())
    logger.info("webhook.disabled", extra={"endpoint_id": endpoint_id, "reason": reason, "given_up": count})
    return True


def disable_by_staff(*, endpoint: WebhookEndpoint, actor: User) -> bool:
    """Disable a user's webhook, and record the actor in the audit log; False if it is disabled already."""
    with transaction.atomic():
        is_new = disable(endpoint_id=endpoint.pk, reason=Reason.STAFF)
        if is_new:
            audit.record_action(endpoint, "Disable", actor=actor, owner=endpoint.owner.email)
    return is_new


def disable_if_failing(*, endpoint_id: uuid.UUID) -> None:
    """Disable a webhook that has failed for five days without a success, and have its owner mailed."""
    failing = WebhookEndpoint.objects.filter(
        pk=endpoint_id, disabled_at=None, failing_since__lte=from_now(-schedule.DISABLED_AFTER)
    )
    endpoint = failing.select_related("owner").first()
    if endpoint is None:
        return
    with transaction.atomic():
        if disable(endpoint_id=endpoint.pk, reason=Reason.FAILING) and settings.MAIL_IS_CONFIGURED:
            tasks.add(AccountTask.Kind.WEBHOOK_DISABLED, user=endpoint.owner, email=endpoint.owner.email)


def delete(*, endpoint: WebhookEndpoint) -> None:
    """Delete a webhook with its log; what waits is not sent."""
    endpoint_id = endpoint.pk
    endpoint.delete()
    logger.info("webhook.deleted", extra={"endpoint_id": endpoint_id})


def rotate_secret(*, endpoint: WebhookEndpoint) -> None:
    """Replace the secret; `endpoint` has the new one afterwards. For a day messages are signed with both.

    Raises RotatedMeanwhile.
    """
    new = signatures.new_secret()
    until = timezone.now() + OVERLAP
    unchanged = WebhookEndpoint.objects.filter(pk=endpoint.pk, secret=endpoint.secret)
    if not unchanged.update(secret=new, previous_secret=F("secret"), previous_valid_until=until, updated_at=Now()):
        raise RotatedMeanwhile
    endpoint.refresh_from_db()
    logger.info("webhook.secret_rotated", extra={"endpoint_id": endpoint.pk})


def forget_previous_secrets() -> None:
    """Remove the replaced secrets that sign no more."""
    ended = WebhookEndpoint.objects.filter(previous_valid_until__lte=timezone.now())
    ended.update(previous_secret="", previous_valid_until=None, updated_at=Now())


def send_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send a test message, after the commit. Raises WebhookDisabled."""
    with transaction.atomic():
        _require_enabled(endpoint.pk)
        delivery = messages.of_test(endpoint)
        delivery.save(force_insert=True)
        delivery.refresh_from_db(fields=["due_at"])
        hint("deliver", str(delivery.pk))
    return delivery


def send_again(*, delivery: WebhookDelivery) -> None:
    """Make a message due at once, with all its attempts, whether it has arrived or not.

    One that is being sent at the moment stays as it is. Raises WebhookDisabled.
    """
    with transaction.atomic():
        _require_enabled(delivery.endpoint_id)
        idle = WebhookDelivery.objects.filter(pk=delivery.pk, lease=None)
        again: dict[str, Any] = {"state": State.PENDING, "attempts": 0, "delivered_at": None, "due_at": Now()}
        if not idle.update(**again, updated_at=Now()):
            return
        hint("deliver", str(delivery.pk))
    logger.info("webhook.sent_again", extra={"delivery_id": delivery.pk, "endpoint_id": delivery.endpoint_id})


def send_again_by_staff(*, delivery: WebhookDelivery, actor: User) -> None:
    """Send a message of a user's webhook again, and record the actor in the audit log. Raises WebhookDisabled."""
    with transaction.atomic():
        send_again(delivery=delivery)
        audit.record_action(delivery.endpoint, "Send again", actor=actor, message=delivery.message_id)


def _require_enabled(endpoint_id: uuid.UUID) -> None:
    """Lock the webhook, so that a concurrent disabling gives the message up. Raises WebhookDisabled."""
    enabled: QuerySet[WebhookEndpoint] = WebhookEndpoint.objects.filter(pk=endpoint_id, disabled_at=None)
    if enabled.select_for_update(no_key=True).first() is None:
        raise WebhookDisabled


def settle_restored() -> int:
    """Give up the messages of a restored database; the webhooks are sent the events from now on.

    Receivers may have got them since the backup, or states that are newer. Returns the number of messages.
    """
    for endpoint in WebhookEndpoint.objects.iterator():
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(
            last_number=_last_number(endpoint.owner_id), updated_at=Now()
        )
    given_up = {"state": State.FAILED, "due_at": None, "lease": None, "last_error": "Restored from a backup."}
    return WebhookDelivery.objects.filter(due_at__isnull=False).update(**given_up, updated_at=Now())
