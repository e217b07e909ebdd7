"""Are the paid providers set up, and do they let us in? For `manage.py check`, `/readyz` and `doctor`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError
from django.db.models import Count, QuerySet, Window
from django.utils import timezone

from studio.examinations import AWAY
from studio.health import Depth, Finding, Health, register
from videos import giveaway, outlook, schedule
from videos.catalogue import why_unused
from videos.failures import ADOPTABLE
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers import registry
from videos.providers.base import ProviderError

REJECTED = "provider_misconfigured"
REASON_MAX = 200  # characters of the provider's words in a sentence


def register_checks() -> None:
    """Called once, when the app is ready."""
    checks.register(provider_is_configured, checks.Tags.compatibility)
    checks.register(key_is_accepted, checks.Tags.database)
    checks.register(registration_gives_videos_away, checks.Tags.security, deploy=True)
    register("providers", _providers)
    register("models", _models)
    register("transfers", _transfers)
    register("registration", _registration, depth=Depth.THOROUGH)
    register("lost answers", _unknown, depth=Depth.THOROUGH)
    register("google", _reach, depth=Depth.THOROUGH)
    register("upstream models", _probe, depth=Depth.PROBE)


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


def _providers() -> Finding:
    configured = sorted(registry.configured())
    if not configured:
        health = Health.DEGRADED if settings.PRODUCTION else Health.OK
        return Finding(health, "None is configured: only mockMode=true works. Set GEMINI_API_KEY or VERTEX_….")
    try:
        if names := rejecting():
            return Finding(
                Health.DEGRADED, f"{', '.join(names)} rejects our key or project; jobs fail and are refunded."
            )
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    return Finding(Health.OK, f"Configured: {', '.join(configured)}.")


def _registration() -> Finding:
    """No fault: whoever opens it has decided so, and should see what it can cost."""
    try:
        sentence = giveaway.warning()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    state = "open; it gives no paid video away" if settings.REGISTRATION_OPEN else "closed"
    return Finding(Health.OK, sentence or f"It is {state}.")


def lost_answers() -> int:
    """How many failed jobs the provider may have made and billed, and staff could still take up."""
    recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
    return VideoJob.objects.filter(phase=Phase.FAILED, error_code__in=ADOPTABLE, completed_at__gt=recently).count()


def _unknown() -> Finding:
    try:
        count = lost_answers()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if count:
        return Finding(
            Health.DEGRADED,
            f"{count} in two days: the provider may have billed them ({', '.join(sorted(ADOPTABLE))}); "
            "see manage.py adopt_operation --help.",
        )
    return Finding(Health.OK, "None in two days.")


def late_transfers() -> QuerySet[VideoJob]:
    """Jobs whose video is made, and that could not be stored for ten minutes."""
    since = from_now(-schedule.TRANSFER_LATE)
    # "is due", which every live row is, has the index
    return VideoJob.objects.filter(phase=Phase.STORING, due_at__isnull=False, attempts__gt=0, generated_at__lte=since)


def _transfers() -> Finding:
    late = late_transfers().order_by("generated_at", "id").annotate(count=Window(Count("pk")))
    try:
        oldest = late.values_list("pk", "generated_at", "provider_reply", "count").first()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if oldest is None:
        return Finding(Health.OK, "Every finished video is stored soon.")
    job_id, generated_at, reply, count = oldest
    assert generated_at  # so it was found
    minutes = round((timezone.now() - generated_at).total_seconds() / 60)
    # the adapters have taken keys and signed URLs out of what is stored of a failure
    reason = " ".join(reply.split())[:REASON_MAX]
    return Finding(
        Health.DEGRADED,
        f"Jobs whose video can't be stored for more than {schedule.TRANSFER_LATE // 60} minutes: {count}. The oldest, "
        f"{job_id}, has been waiting for {minutes} minutes. Its last failure: {reason}",
    )


def _reach() -> Finding:
    """Each configured provider is asked for something that costs nothing."""
    troubles = []
    for name in sorted(registry.configured()):
        try:
            registry.provider(name).probe()
        except ProviderError as exc:
            troubles.append(f"{name}: {exc}")
    if troubles:
        return Finding(Health.DOWN, f"{'; '.join(troubles)}. See GEMINI_API_KEY and VERTEX_… in the environment.")
    names = ", ".join(sorted(registry.configured()))
    return Finding(Health.OK, f"Reached and let in by {names}." if names else "Not configured.")


def _models() -> Finding:
    """Whether every offered model has an upstream that lives on, and none was suspended."""
    try:
        warnings = outlook.warnings()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if warnings:
        return Finding(Health.DEGRADED, f"{' '.join(warnings)} See manage.py models.")
    return Finding(Health.OK, "No upstream of an offered model retires soon.")


def _probe() -> Finding:
    """Which of the catalogue's upstream models exist at their providers now."""
    found: dict[str, list[str]] = {"there": [], "gone": [], "unknown": []}
    missed = False
    for upstream, state in outlook.probe():
        found[state].append(f"{upstream.provider}: {upstream.upstream_model}")
        missed |= state != "there" and not why_unused(upstream)
    sentence = " ".join(f"{state.capitalize()}: {', '.join(names)}." for state, names in found.items() if names)
    return Finding(Health.DEGRADED if missed else Health.OK, sentence or "No provider is configured.")
