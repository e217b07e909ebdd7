"""The providers of this deployment, by the name that a job's row keeps; each is made once a process, on first use.

Asking what is configured imports no vendor's SDK: web processes do that.
"""

import threading
from functools import cache
from importlib import import_module

from django.conf import settings

from videos.providers.base import Provider

PROVIDERS = {
    "mock": "videos.providers.mock.Mock",
    "google_veo": "videos.providers.google_veo.Veo",
    "google_vertex": "videos.providers.google_veo.VeoOnVertex",
    "google_omni": "videos.providers.google_omni.Omni",
    "google_omni_vertex": "videos.providers.google_omni.OmniOnVertex",
}
# Any of these settings lets us use the provider.
_NEEDS = {
    "google_veo": ("GEMINI_API_KEY",),
    "google_vertex": ("VERTEX_API_KEY", "VERTEX_PROJECT"),
    "google_omni": ("GEMINI_API_KEY",),
    "google_omni_vertex": ("VERTEX_API_KEY", "VERTEX_PROJECT"),
}
PAID = frozenset(_NEEDS)
_making = threading.Lock()


class UnknownProvider(KeyError):
    """This release has no provider of that name."""


def provider(name: str) -> Provider:
    """The provider of that name. Raises UnknownProvider."""
    if name not in PROVIDERS:
        raise UnknownProvider(name)
    with _making:
        return _made(name)


def configured() -> frozenset[str]:
    """The paid providers that this deployment can use."""
    return frozenset(name for name, needs in _NEEDS.items() if any(getattr(settings, need) for need in needs))


def needs(name: str) -> tuple[str, ...]:
    """The settings any of which makes the provider usable."""
    return _NEEDS.get(name, ())


def preload() -> None:
    """Import the SDKs of the configured providers: before a worker forks, so that not every job pays for it.

    Opens no connection: those must not be shared over a fork.
    """
    for name in configured():
        provider(name)


@cache
def _made(name: str) -> Provider:
    module, _, attribute = PROVIDERS[name].rpartition(".")
    made: Provider = getattr(import_module(module), attribute)()
    return made
