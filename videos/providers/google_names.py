"""Whether a reply is about the work that it was asked about."""

import logging

from videos.providers.base import Unreachable
from videos.providers.google_failures import redacted

logger = logging.getLogger(__name__)


def require_own(name: object, *, asked: str) -> None:
    """Raise Unreachable for a reply that names other work than it was asked about: its outcome is another job's.

    What is compared is the last part: a project is spelled as its number or its id. A reply may name nothing.
    """
    if name and str(name).rpartition("/")[2] != asked.rpartition("/")[2]:
        message = redacted(f"the reply is about {name}, and not about {asked}")
        logger.error("operation.mismatched", extra={"reason": message})
        raise Unreachable(message)
