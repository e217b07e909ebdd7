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
