"""Takes out of a text what must not leave the process: our secrets, tokens, passwords, addresses, signed URLs.

The last line of defence: code does not log such things, but vendors' and databases' messages may quote them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

HIDDEN = "[hidden]"
LEAST = 6  # characters; a shorter secret would take ordinary words out of every text
_PATTERNS = re.compile(
    r"(?P<keep>\b(?:bearer|basic)\s+|"  # an Authorization header
    r"\b(?:[\w-]*(?:signature|token|secret|password|credential)|api_?key|key|sig)=|"  # in a signed URL
    r"://[^\s/:@'\"]*:(?=[^\s/@'\"]+@))[^\s&'\"\\@,;)]+|"  # user and password in a URL
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bAIza[\w-]{20,}|\bya29\.[\w.-]+|"  # a JWT, and Google's keys and tokens
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",  # an e-mail address
    re.IGNORECASE,
)
# What none of the patterns can match without.
_SIGNS = ("@", "=", "eyJ", "AIza", "ya29", "earer ", "asic ")
_SECRETS = ("SECRET_KEY", "JWT_SIGNING_KEY", "GEMINI_API_KEY", "VERTEX_API_KEY", "METRICS_TOKEN", "SENTRY_DSN")


def redact(text: str, *, hiding: Sequence[str] = ()) -> str:
    """The text without any of that, and without the texts in `hiding`."""
    for secret in hiding:
        if len(secret) >= LEAST:
            # as it is, and as Python and JSON would quote it
            for spelling in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}:
                text = text.replace(spelling, HIDDEN)
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    if any(sign in text for sign in _SIGNS):
        text = _PATTERNS.sub(lambda match: f"{match['keep'] or ''}{HIDDEN}", text)
    return text


def redact_all(value: Any, *, hiding: Sequence[str] = ()) -> Any:
    """The same for every text in nested lists and dictionaries."""
    if isinstance(value, str):
        return redact(value, hiding=hiding)
    if isinstance(value, Mapping):
        return {name: redact_all(part, hiding=hiding) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(part, hiding=hiding) for part in value]
    return value


@cache
def _secrets() -> list[str]:
    """All secrets of this deployment, the longest first: one may be a part of another."""
    return sorted({secret for secret in _configured() if len(secret) >= LEAST}, key=len, reverse=True)


def _configured() -> Iterator[str]:
    for name in _SECRETS:
        yield str(getattr(settings, name, ""))
    yield from (*settings.SECRET_KEY_FALLBACKS, *settings.JWT_VERIFYING_KEYS)
    yield str(settings.DATABASES["default"].get("PASSWORD") or "")
    yield urlsplit(settings.REDIS_URL).password or ""
    for storage in settings.STORAGES.values():
        options = storage.get("OPTIONS", {})
        yield str(options.get("api_key", ""))
        yield str(options.get("api_secret", ""))
