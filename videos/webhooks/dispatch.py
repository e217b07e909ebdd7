"""Makes deliveries of events. Recording an event writes nothing for webhooks: endpoints have a cursor instead.

An endpoint is behind while its `last_number` is below its owner's event counter. Both tables are small, so the search
costs one statement. The deliveries and the cursor's move are one transaction, so each event leads to one delivery,
whatever dies, and however many sweepers run.
"""

import logging
from collections import deque
from collections.abc import Callable

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from studio.db.statements import Statement
from videos.engine.hints import hint
from videos.models import EventCounter, EventsExpired, WebhookDelivery, WebhookEndpoint, events
from videos.webhooks import messages
from videos.webhooks.schedule import AT_ONCE_MOST

logger = logging.getLogger(__name__)

PAGE = 100  # events of an endpoint in one transaction
WAITING_MOST = 1_000  # messages of an endpoint; with so many, the cursor waits
_IS_BEHIND = Exists(
    EventCounter.objects.filter(owner=OuterRef("owner"), last_number__gt=OuterRef("last_number")).order_by()
)
_BEHIND = Statement(
    lambda: (
        WebhookEndpoint.objects.filter(_IS_BEHIND, disabled_at=None, owner__is_active=True).order_by().values_list("pk")
    )
)


def dispatch(*, is_stopped: Callable[[], bool]) -> None:
    """Make the deliveries of all endpoints that are behind; the rest later, once `is_stopped` returns True."""
    behind = deque(endpoint_id for (endpoint_id,) in _BEHIND.rows())
    while behind and not is_stopped():
        endpoint = WebhookEndpoint.objects.filter(pk=behind.popleft()).first()
        if endpoint and _dispatch_page(endpoint):
            behind.append(endpoint.pk)  # a page of each in turn: no owner waits for another's thousands


def _dispatch_page(endpoint: WebhookEndpoint) -> bool:
    """Make the deliveries of the endpoint's next events; whether there may be more."""
    owner_id, after = endpoint.owner_id, endpoint.last_number
    if WebhookDelivery.objects.filter(endpoint=endpoint, due_at__isnull=False)[:WAITING_MOST].count() == WAITING_MOST:
        return False
    try:
        page = events.read(owner_id=owner_id, after=after, limit=PAGE)
    except EventsExpired:
        last = events.last_numbers([owner_id]).get(owner_id, 0)
        if _move(endpoint, to=last):
            logger.warning(
                "webhook.events_expired", extra={"endpoint_id": endpoint.pk, "after": after, "continues_after": last}
            )
        return False
    if not page:
        return False
    deliveries = messages.of_events(endpoint, page)
    with transaction.atomic():
        if not _move(endpoint, to=page[-1].number):  # another sweeper was faster, or the endpoint was disabled
            return False
        WebhookDelivery.objects.bulk_create(deliveries)
        for delivery in deliveries[:AT_ONCE_MOST]:  # they lead to the others
            hint("deliver", str(delivery.pk))
    return len(page) == PAGE


def _move(endpoint: WebhookEndpoint, *, to: int) -> bool:
    """Move the cursor, unless it has been moved since the endpoint was read."""
    unmoved = WebhookEndpoint.objects.filter(pk=endpoint.pk, last_number=endpoint.last_number, disabled_at=None)
    return bool(unmoved.update(last_number=to, updated_at=Now()))
