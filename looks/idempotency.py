"""Idempotency keys: within a day, a repeated request returns the first look, and creates none."""

import hashlib
import uuid
from typing import Any

from looks.models import Look, LookKey
from studio import idempotency
from studio.errors import Conflict
from studio.idempotency import KeyReused, day_ago
from studio.media.images import ImageFile


class LookDeleted(Conflict):
    """The look that the request created was deleted since."""

    code = "idempotent_look_deleted"
    message = "The look of this Idempotency-Key was deleted; send a new key for a new look."


def digest_of(fields: Any) -> str:
    """Identify a repeated request; a picture counts by its SHA-256, and a set by its sorted values."""
    return idempotency.digest_of(fields, plain=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, ImageFile):
        return hashlib.sha256(value.data).hexdigest()
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


def earlier_look(*, owner_id: uuid.UUID, key: str, digest: str) -> Look | None:
    """The look that this key created within the last day, or None.

    Raises Conflict where the key came with another request, or its look is deleted.
    """
    found = LookKey.objects.filter(owner_id=owner_id, key=key, used_at__gte=day_ago()).first() if key else None
    if found is None:
        return None
    if found.request_digest != digest:
        raise KeyReused
    look = Look.objects.filter(pk=found.look_id).first()
    if look is None:
        raise LookDeleted
    return look


def spend(*, look: Look, key: str, digest: str) -> None:
    """Record that the key created the look; call it in the transaction that does so.

    A concurrent request with the same key waits here, and gets an IntegrityError once the first one has committed.
    """
    if key:
        LookKey.objects.filter(owner_id=look.owner_id, key=key, used_at__lt=day_ago()).delete()
        LookKey.objects.create(owner_id=look.owner_id, key=key, request_digest=digest, look_id=look.pk)


def forget_old_keys() -> int:
    """Delete expired keys; returns their number."""
    return LookKey.objects.filter(used_at__lt=day_ago()).delete()[0]
