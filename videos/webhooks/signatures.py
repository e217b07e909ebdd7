"""Secrets of webhooks, and the headers that sign a message as Standard Webhooks 1.0 says."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime

from standardwebhooks import Webhook

import studio

SECRET_BYTES = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """A random secret in the form that libraries of Standard Webhooks read."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def headers(*, message_id: str, sent_at: datetime, body: str, secrets: Iterable[str]) -> dict[str, str]:
    """The headers of an attempt, with a signature by each of the secrets. `sent_at` is in UTC."""
    signatures = [Webhook(secret).sign(message_id, sent_at, body) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": f"AI-Studio-Webhooks/{studio.__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
