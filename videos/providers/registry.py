"""The providers of this deployment, by the name that a job's row keeps; each is made once a process, on first use."""

from functools import cache
from importlib import import_module

from videos.providers.base import Provider

PROVIDERS = {
    "mock": "videos.providers.mock.Mock",
}


@cache
def provider(name: str) -> Provider:
    """The provider of that name. Raises KeyError for one that does not exist."""
    module, _, attribute = PROVIDERS[name].rpartition(".")
    made: Provider = getattr(import_module(module), attribute)()
    return made


def configured() -> frozenset[str]:
    """The paid providers that this deployment can use."""
    return frozenset()
