"""Which names of operations and models are a provider's own: they become parts of URLs that are asked with our key.

Imports no vendor's SDK: web processes ask here, too.
"""

import re
from dataclasses import dataclass

from videos.providers.base import Refused

# A part of a path: nothing that a URL reads as its end, as another part or as the way up.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.~=-]*"
_PROJECT = r"projects/[A-Za-z0-9][A-Za-z0-9_.:-]*/locations/[a-z0-9-]+/"  # older projects are `domain:name`
_ANY_PATH = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~=:@-]+(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.~=:@-]+)*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # 100: the column's width


@dataclass(frozen=True)
class _Form:
    pattern: str
    example: str


# As each provider's `start` has given them; docs/providers.md has the requests.
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
    """Whether the provider has operations of such a name; never of a provider that this release does not have."""
    form = _FORMS.get(provider)
    return form is not None and re.fullmatch(form.pattern, operation, re.ASCII) is not None


def example(*, provider: str) -> str:
    """A name as the provider spells them; "" for a provider that this release does not have."""
    return _FORMS[provider].example if provider in _FORMS else ""


def is_model(name: str) -> bool:
    """Whether a provider's model may have this name."""
    return _MODEL.fullmatch(name) is not None


def require_path(operation: str) -> None:
    """Raise Refused for a name that would lead a URL to something else than this operation.

    Wider than `is_own`: a paid operation is still polled when its provider begins to spell names in another way. The
    failure can be taken up again under the right name.
    """
    if not _ANY_PATH.fullmatch(operation):
        raise Refused(f"{operation!r} is no operation's name, so it is not asked for", code="result_unreadable")
