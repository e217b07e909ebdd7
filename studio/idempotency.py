"""What idempotency keys have in common, whatever they create."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from studio.errors import Conflict

KEY_HOURS = 24  # from the first request; a promise of the API


class KeyReused(Conflict):
    """The key came with another request within the day."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request."


def digest_of(facts: Any, *, plain: Callable[[Any], Any] = str) -> str:
    """Identify a repeated request by its checked values: the hexadecimal SHA-256 of a canonical JSON.

    `plain` makes JSON of the values that have none.
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=plain).encode()).hexdigest()


def day_ago() -> Any:
    """The moment before which keys are free again, by the database's clock."""
    return Now() - timedelta(hours=KEY_HOURS)
