"""System checks for `manage.py check`: whether paid providers are set up, and what open registration can cost."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from videos import giveaway
from videos.models import VideoJob
from videos.providers import registry

REJECTED = "provider_misconfigured"


def register_checks() -> None:
    """Called once, when the app is ready."""
    checks.register(provider_is_configured, checks.Tags.compatibility)
    checks.register(key_is_accepted, checks.Tags.database)
    checks.register(registration_gives_videos_away, checks.Tags.security, deploy=True)


def provider_is_configured(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """`check`: in production somebody should be there to make real videos."""
    if registry.configured() or not settings.PRODUCTION:
        return []
    hint = "Set GEMINI_API_KEY, VERTEX_API_KEY or VERTEX_PROJECT; until then only mockMode=true works."
    return [checks.Warning("No video provider is configured.", hint=hint, id="videos.W001")]


def key_is_accepted(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """`check --database default`: no provider turned our last job away at the door."""
    hint = "See its key and project in the environment, then `manage.py doctor`."
    try:
        names = rejecting() if databases else []
    except DatabaseError:  # `migrate` asks before the table is there
        names = []
    # a warning: `migrate` runs this check, and a deploy that brings a better key must not be stopped by the old one
    return [checks.Warning(f"{name} rejects our key or project.", hint=hint, id="videos.W002") for name in names]


def registration_gives_videos_away(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """`check --deploy`: what strangers can have made at our expense."""
    try:
        sentence = giveaway.warning()
    except DatabaseError:  # before the first migration
        sentence = "Registration is open; what it can cost an hour is in the catalogue, which cannot be read."
    hint = "Set REGISTRATION_OPEN=false and make accounts by hand, or lower SIGNUP_TOKENS or REGISTER_RATE."
    return [checks.Warning(sentence, hint=hint, id="videos.W003")] if sentence else []


def rejecting() -> list[str]:
    """The configured providers whose last finished job failed because of our key or project."""
    return [name for name in sorted(registry.configured()) if _last_failure(name) == REJECTED]


def _last_failure(provider: str) -> str:
    done = VideoJob.objects.filter(provider=provider, completed_at__isnull=False)
    return done.order_by("-created_at", "-id").values_list("error_code", flat=True).first() or ""
