"""What idempotency keys have in common, whatever they create."""

from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from studio.errors import Conflict

KEY_HOURS = 24  # from the first request; a promise of the API


class KeyReused(Conflict):
    """The key came with another request within the day."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request."


def day_ago() -> Any:
    """The moment before which keys are free again, by the database's clock."""
    return Now() - timedelta(hours=KEY_HOURS)
