"""The one place that redacts text which leaves the process: secrets, tokens, passwords, e-mail addresses, signed URLs.

Log lines, error reports and stored vendor messages pass through it. It is the last line of defence: the code does not
log such values, but messages of vendors and databases may quote them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

HIDDEN = "[hidden]"
LEAST = 6  # characters; hiding a shorter secret would remove ordinary words
_CREDENTIALS = re.compile(
    r"(?P<keep>\b(?:bearer|basic)\s+|"  # an Authorization header
    r"\b(?:[\w-]*(?:signature|token|secret|password|credential)|api_?key|key|sig)=|"  # in a signed URL
    r"://[^\s/:@'\"]*:(?=[^\s/@'\"]+@))[^\s&'\"\\@,;)]+|"  # user and password in a URL
    r"\beyJ[\w-]+\.[\w-]+\.[\w-]*|\bais_[0-9A-Za-z]{20,}|"  # a JWT, and an API key of ours
    r"\bwhsec_[\w+/=-]{20,}|"  # the secret of a webhook
    r"\bAIza[\w-]{20,}|\bya29\.[\w.-]+|"  # Google's keys and tokens
    r"(?<=/l/)[0-9a-z]{26}\b|(?<=%2Fl%2F)[0-9a-z]{26}\b",  # the token of a shared look, in its address
    re.IGNORECASE,
)
# Each match contains one of these; searching for them first is faster.
_SIGNS = ("@", "=", "eyJ", "ais_", "whsec_", "AIza", "ya29", "earer ", "asic ", "/l/", "%2Fl%2F", "%2fl%2f")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_QUERY = re.compile(r"(https?://[^\s\"'?]+)\?[^\s\"']*")
_SECRETS = (
    *("SECRET_KEY", "JWT_SIGNING_KEY", "GEMINI_API_KEY", "VERTEX_API_KEY", "METRICS_TOKEN", "SENTRY_DSN"),
    "EMAIL_HOST_PASSWORD",
)


class Unredacted(str):
    """A text that log lines show as it is, such as the link of a mail in development."""

    __slots__ = ()


def redact(text: str, *, hiding: Sequence[str] = ()) -> str:
    """The text without secrets and e-mail addresses, and without the texts in `hiding`."""
    for secret in hiding:
        if len(secret) >= LEAST:
            # verbatim, and as Python and JSON quote it
            for spelling in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}:
                text = text.replace(spelling, HIDDEN)
    text = _without_credentials(text)
    return _EMAIL.sub(HIDDEN, text) if "@" in text else text


def redact_for_staff(text: str) -> str:
    """A vendor's text without secrets, and without the queries of URLs, which may be signatures of any form.

    E-mail addresses stay: a refusal names the service account that lacks a permission.
    """
    return _QUERY.sub(r"\1?[query]", _without_credentials(text))


def _without_credentials(text: str) -> str:
    for secret in _secrets():
        text = text.replace(secret, HIDDEN)
    if any(sign in text for sign in _SIGNS):
        text = _CREDENTIALS.sub(lambda match: f"{match['keep'] or ''}{HIDDEN}", text)
    return text


def redact_all(value: Any, *, hiding: Sequence[str] = ()) -> Any:
    """`redact` for every text in nested lists and dictionaries."""
    if isinstance(value, str):
        return redact(value, hiding=hiding)
    if isinstance(value, Mapping):
        return {name: redact_all(part, hiding=hiding) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(part, hiding=hiding) for part in value]
    return value


@cache
def _secrets() -> list[str]:
    """All secrets of this deployment, the longest first, because one may be part of another."""
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


@receiver(setting_changed)
def _forget_secrets(**_: Any) -> None:
    _secrets.cache_clear()  # in tests
