"""The body of a message: `{"type", "timestamp", "number", "data"}`. It is made once, and never changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db.models.functions import Now

from studio.api.fields import Timestamp
from videos.api import representation
from videos.models import Event, WebhookDelivery, WebhookEndpoint
from videos.models.webhooks import TEST

KINDS = tuple(Event.Kind)  # what an owner can choose
_MOMENT = Timestamp()


def of_events(endpoint: WebhookEndpoint, events: Sequence[Event]) -> list[WebhookDelivery]:
    """Unsaved deliveries of those of these events that the endpoint is sent, due at once.

    Each shows its job as it is now. What was created or updated and is deleted by now gets no message: there is nothing
    to show, and a message of its deletion follows.
    """
    chosen = [event for event in events if event.kind in endpoint.events]
    ids = {event.job_id for event in chosen if event.kind != Event.Kind.DELETED}
    shown = representation.several(ids=list(ids), origin=endpoint.origin)
    deliveries = []
    for event in chosen:
        job = {"id": str(event.job_id)} if event.kind == Event.Kind.DELETED else shown.get(event.job_id)
        if job is not None:
            body = _body(event.kind, at=event.created_at, number=event.number, data=job)
            deliveries.append(_delivery(endpoint, event.kind, body, number=event.number, job_id=event.job_id))
    return deliveries


def of_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """An unsaved delivery of a test, due at once."""
    data = {"webhookId": str(endpoint.pk)}
    return _delivery(endpoint, TEST, _body(TEST, at=datetime.now(UTC), number=None, data=data))


def _body(kind: str, *, at: datetime, number: int | None, data: dict[str, Any]) -> str:
    body = {"type": kind, "timestamp": _MOMENT.to_representation(at), "number": number, "data": data}
    return orjson.dumps(body, default=str).decode()


def _delivery(endpoint: WebhookEndpoint, kind: str, body: str, **event: Any) -> WebhookDelivery:
    return WebhookDelivery(endpoint=endpoint, kind=kind, body=body, due_at=Now(), **event)
