"""Rejects a response that is about another operation than the one requested."""

import logging

from videos.providers.base import Unreachable
from videos.providers.google_failures import redacted

logger = logging.getLogger(__name__)


def require_same_operation(name: object, *, requested: str) -> None:
    """Raise Unreachable for a response that names another operation, whose outcome belongs to another job.

    Compares the last segment only, because a project appears as its number or its id. A response without a name passes.
    """
    if name and str(name).rpartition("/")[2] != requested.rpartition("/")[2]:
        message = redacted(f"the response is about {name}, not about {requested}")
        logger.error("operation.mismatched", extra={"reason": message})
        raise Unreachable(message)
