"""The providers of this deployment, by the name stored with each job. Each is built once per process, on first use.

`configured` imports no vendor's SDK, so web processes can call it. How to add a provider: CONTRIBUTING.md.
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
# One of these settings is enough to use the provider.
_NEEDS = {
    "google_veo": ("GEMINI_API_KEY",),
    "google_vertex": ("VERTEX_API_KEY", "VERTEX_PROJECT"),
    "google_omni": ("GEMINI_API_KEY",),
    "google_omni_vertex": ("VERTEX_API_KEY", "VERTEX_PROJECT"),
}
PAID = frozenset(_NEEDS)
# Their adapters have `cancel`. Veo's operations have no such request (docs/providers.md).
CANCELLING = frozenset({"google_omni", "google_omni_vertex"})
_lock = threading.Lock()


class UnknownProvider(KeyError):
    """This release has no provider with that name."""


def provider(name: str) -> Provider:
    """The provider with that name. Raises UnknownProvider."""
    if name not in PROVIDERS:
        raise UnknownProvider(name)
    with _lock:
        return built(name)


def configured() -> frozenset[str]:
    """The paid providers that this deployment can use."""
    return frozenset(name for name, needs in _NEEDS.items() if any(getattr(settings, need) for need in needs))


def needs(name: str) -> tuple[str, ...]:
    """The settings of which one is enough to use the provider."""
    return _NEEDS.get(name, ())


def preload() -> None:
    """Import the SDKs of the configured providers before a worker forks, so that each job does not pay for it.

    Opens no connection: a fork must not share one.
    """
    for name in configured():
        provider(name)


@cache
def built(name: str) -> Provider:
    """Build the provider; once per process if called under the lock. Tests clear the cache."""
    module, _, attribute = PROVIDERS[name].rpartition(".")
    built: Provider = getattr(import_module(module), attribute)()
    return built
