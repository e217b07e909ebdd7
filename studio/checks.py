"""System checks of settings that depend on each other."""

import os
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core import checks

from studio import env

ALIKE = 0.86  # of 1, by difflib: one letter differs in a name of eight; HOSTNAME is not like HOST
SHORTEST_NAME = 6  # letters; short names such as PATH resemble too many


@checks.register(checks.Tags.security)
def client_addresses_are_known(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Behind proxies of unknown number, all clients would share one IP and one sign-in limit."""
    if not getattr(settings, "USE_X_FORWARDED_HOST", False) or settings.REST_FRAMEWORK["NUM_PROXIES"]:
        return []
    hint = "Set PROXY_COUNT to the number of proxies in front of this server, usually 1."
    return [checks.Error("TRUST_PROXY is set, and PROXY_COUNT is 0.", hint=hint, id="studio.E001")]


@checks.register(checks.Tags.security, deploy=True)
def https_is_recognised(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """TLS ends at a proxy; without its header every request appears as plain HTTP."""
    if not settings.PRODUCTION or getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        return []
    hint = "Put a proxy with TLS in front, and set TRUST_PROXY=true and PROXY_COUNT=1."
    return [checks.Warning("HTTPS cannot be recognised: TRUST_PROXY is not set.", hint=hint, id="studio.W002")]


@checks.register(checks.Tags.security, deploy=True)
def mails_can_be_sent(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Without mails, a user who forgets the password needs staff."""
    if settings.MAIL_IS_CONFIGURED:
        return []
    hint = "Set EMAIL_URL, EMAIL_FROM and FRONTEND_URL (docs/production.md, section 2)."
    return [checks.Warning("Users cannot reset a password: EMAIL_URL is not set.", hint=hint, id="studio.W004")]


@checks.register
def settings_are_spelled(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """A misspelt variable is ignored, and its setting keeps the default."""
    return [
        checks.Warning(f"{name} is not a setting.", hint=f"Did you mean {meant}?", id="studio.W003")
        for name, meant in misspelt_settings()
    ]


def misspelt_settings() -> list[tuple[str, str]]:
    """Variables of the environment whose names resemble those of settings, with these."""
    unknown = sorted(name for name in os.environ if len(name) >= SHORTEST_NAME and name not in env.known)
    likely = [(name, get_close_matches(name, env.known, 1, ALIKE)) for name in unknown]
    return [(name, found[0]) for name, found in likely if found]
