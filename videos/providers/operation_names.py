"""Validates the names of operations and models: they become parts of URLs requested with our key.

Imports no vendor's SDK, so web processes can use it.
"""

import re
from dataclasses import dataclass

from videos.providers.base import Refused

# One path segment: no `?`, `#`, `/` or `..`.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.~=-]*"
_PROJECT = r"projects/[A-Za-z0-9][A-Za-z0-9_.:-]*/locations/[a-z0-9-]+/"  # older projects are `domain:name`
_ANY_PATH = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~=:@-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~=:@-]+)*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # 100: the column's width


@dataclass(frozen=True)
class _Form:
    pattern: str
    example: str


# The forms that each provider's `start` returns; docs/providers.md has the requests.
_INTERACTION = _Form(_PART, "v1_abc123")
_FORMS = {
    "mock": _Form(
        r"mock\?began=\d{1,12}(?:\.\d{1,6})?&seconds=\d{1,4}&scenario=\w{0,20}", "mock?began=0&seconds=1&scenario="
    ),
    "google_veo": _Form(rf"models/{_PART}/operations/{_PART}", "models/veo-3.1-generate-preview/operations/abc123"),
    "google_vertex": _Form(
        rf"(?:{_PROJECT})?publishers/google/models/{_PART}/operations/{_PART}",
        "projects/P/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/abc123",
    ),
    "google_omni": _INTERACTION,
    "google_omni_vertex": _INTERACTION,
}


def is_own(*, provider: str, operation: str) -> bool:
    """Whether the name has the form of the provider's operations; False for an unknown provider."""
    form = _FORMS.get(provider)
    return form is not None and re.fullmatch(form.pattern, operation, re.ASCII) is not None


def example(*, provider: str) -> str:
    """A sample name of the provider's operations; "" for an unknown provider."""
    return _FORMS[provider].example if provider in _FORMS else ""


def is_model(name: str) -> bool:
    """Whether this is a valid name of a provider's model."""
    return _MODEL.fullmatch(name) is not None


def require_path(operation: str) -> None:
    """Raise Refused for a name with which the URL would point at anything but this operation.

    Wider than `is_own`: a paid operation is still polled if its provider changes the form of its names. Staff can adopt
    a job that fails here under the right name.
    """
    if not _ANY_PATH.fullmatch(operation):
        raise Refused(f"{operation!r} is not the name of an operation", code="result_unreadable")
