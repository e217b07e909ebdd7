"""System checks: whether paid providers are configured and accept our key, and what open registration can cost."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from videos import signup_cost
from videos.models import VideoJob
from videos.providers import registry


def register_checks() -> None:
    """Register the checks; called once, when the app is ready."""
    checks.register(provider_is_configured, checks.Tags.compatibility)
    checks.register(key_is_accepted, checks.Tags.database)
    checks.register(open_registration_costs, checks.Tags.security, deploy=True)
    checks.register(webhooks_reach_private_networks, checks.Tags.security, deploy=True)


def provider_is_configured(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """`check`: production needs a provider that generates real videos."""
    if registry.configured() or not settings.PRODUCTION:
        return []
    hint = "Set GEMINI_API_KEY, VERTEX_API_KEY or VERTEX_PROJECT; until then only mockMode=true works."
    return [checks.Warning("No video provider is configured.", hint=hint, id="videos.W001")]


def key_is_accepted(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """`check --database default`: no provider rejected our last job because of our key or project."""
    hint = "See its key and project in the environment, then `manage.py doctor`."
    try:
        names = rejecting_providers() if databases else []
    except DatabaseError:  # `migrate` runs this check before the table exists
        names = []
    # a warning only: `migrate` runs this check, and the old key must not stop the deploy of a new one
    return [checks.Warning(f"{name} rejects our key or project.", hint=hint, id="videos.W002") for name in names]


def open_registration_costs(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """`check --deploy`: what new accounts can cost us."""
    try:
        sentence = signup_cost.warning()
    except DatabaseError:  # before the first migration
        sentence = "Registration is open; its cost is unknown, because the catalogue cannot be read."
    hint = "Set REGISTRATION_OPEN=false and create accounts by hand, or lower SIGNUP_TOKENS or REGISTER_RATE."
    return [checks.Warning(sentence, hint=hint, id="videos.W003")] if sentence else []


def webhooks_reach_private_networks(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """`check --deploy`: no user can have messages sent into our network."""
    if not settings.WEBHOOK_ALLOW_PRIVATE:
        return []
    hint = "Unset WEBHOOK_ALLOW_PRIVATE; it is for development."
    return [checks.Warning("Webhooks may have addresses of this network.", hint=hint, id="videos.W004")]


def rejecting_providers() -> list[str]:
    """The configured providers whose last finished job failed because of our key or project."""
    return [name for name in sorted(registry.configured()) if _last_failure(name) == "provider_misconfigured"]


def _last_failure(provider: str) -> str:
    finished = VideoJob.objects.filter(provider=provider, completed_at__isnull=False)
    return finished.order_by("-created_at", "-id").values_list("error_code", flat=True).first() or ""
