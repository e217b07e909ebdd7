"""System checks of what only the whole configuration can tell."""

from typing import Any

from django.conf import settings
from django.core import checks


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
