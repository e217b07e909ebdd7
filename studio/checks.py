"""System checks of what only the whole configuration can tell."""

import os
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core import checks

from studio import env

ALIKE = 0.86  # of difflib: one letter more, less or exchanged in a name of eight; HOSTNAME is not HOST
SHORTEST_NAME = 6  # letters; PATH is like too much


@checks.register(checks.Tags.security)
def client_addresses_are_known(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Behind a proxy whose number is not told, all clients would share one address, and one sign-in limit."""
    if not getattr(settings, "USE_X_FORWARDED_HOST", False) or settings.REST_FRAMEWORK["NUM_PROXIES"]:
        return []
    hint = "Set PROXY_COUNT to how many proxies stand in front of this server, usually 1."
    return [checks.Error("TRUST_PROXY is set, and PROXY_COUNT is 0.", hint=hint, id="studio.E001")]


@checks.register(checks.Tags.security, deploy=True)
def https_can_be_told(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """In production passwords and tokens travel by https, which ends at a proxy; without its word all is http."""
    if not settings.PRODUCTION or getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        return []
    hint = "Put a proxy with TLS in front, and set TRUST_PROXY=true and PROXY_COUNT=1."
    return [checks.Warning("https cannot be told from http: TRUST_PROXY is not set.", hint=hint, id="studio.W002")]


@checks.register
def settings_are_spelled(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """A name that is nearly one of ours is taken for none, and its value for unset."""
    return [
        checks.Warning(f"{name} is no setting.", hint=f"Is {meant} meant?", id="studio.W003")
        for name, meant in misspelt_settings()
    ]


def misspelt_settings() -> list[tuple[str, str]]:
    """Names in the environment that are nearly those of settings, and what they are taken to mean."""
    strangers = sorted(name for name in os.environ if len(name) >= SHORTEST_NAME and name not in env.asked)
    likely = [(name, get_close_matches(name, env.asked, 1, ALIKE)) for name in strangers]
    return [(name, found[0]) for name, found in likely if found]
