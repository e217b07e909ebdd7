"""Health checks of video jobs: providers, models, transfers, lost responses; for `/readyz` and `doctor`."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q, QuerySet, Window
from django.utils import timezone

from operations.file_moves import health_check
from operations.health_checks import AWAY
from operations.reconciliation import runs
from studio.observability.health import Depth, Finding, Health, register
from videos import giveaway, outlook
from videos.catalogue import why_unused
from videos.checks import rejecting
from videos.engine import schedule
from videos.failures import ADOPTABLE, RESUMABLE
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers import registry
from videos.providers.base import ProviderError

REASON_MAX = 200  # characters of the provider's words in a sentence


def register_all() -> None:
    """Called once, when the app is ready."""
    register("providers", _providers)
    register("models", _models)
    register("transfers", transfers)
    register("reconciliation", runs.check)
    register("registration", _registration, depth=Depth.THOROUGH)
    register("lost answers", _unknown, depth=Depth.THOROUGH)
    register("former files", health_check.finding, depth=Depth.THOROUGH)
    register("google", _reach, depth=Depth.THOROUGH)
    register("upstream models", _probe, depth=Depth.PROBE)


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
    """No fault: it was opened on purpose; the finding says what that can cost."""
    try:
        sentence = giveaway.warning()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    state = "open; it gives no paid video away" if settings.REGISTRATION_OPEN else "closed"
    return Finding(Health.OK, sentence or f"It is {state}.")


def lost_responses() -> int:
    """How many failed jobs the provider may have made and billed, and staff could still take up."""
    recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
    return VideoJob.objects.filter(phase=Phase.FAILED, error_code__in=ADOPTABLE, completed_at__gt=recently).count()


def _unknown() -> Finding:
    try:
        count = lost_responses()
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if count:
        return Finding(
            Health.DEGRADED,
            f"{count} in two days: the provider may have billed them ({', '.join(sorted(ADOPTABLE))}); "
            "see manage.py adopt_operation --help.",
        )
    return Finding(Health.OK, "None in two days.")


def _storing() -> QuerySet[VideoJob]:
    """Jobs whose video is made, and could not be stored at the first try."""
    # "is due", which every live row is, has the index
    return VideoJob.objects.filter(phase=Phase.STORING, due_at__isnull=False, attempts__gt=0)


def late_transfers() -> QuerySet[VideoJob]:
    """Jobs whose video is made, and that could not be stored for ten minutes, or that the storage refuses."""
    return _storing().filter(Q(generated_at__lte=from_now(-schedule.TRANSFER_LATE)) | ~Q(storage_refusal=""))


def unstored() -> QuerySet[VideoJob]:
    """Jobs of two days that failed in storing; the provider may still have the video that it was paid for."""
    recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
    failed = VideoJob.objects.filter(phase=Phase.FAILED, error_code__in=RESUMABLE, completed_at__gt=recently)
    return failed.exclude(result="")


def transfers() -> Finding:
    """Whether every finished video is stored: what the storage refuses is a finding at once, the rest when late."""
    try:
        sentences = [*_refused(), *_late(), *_unstored()]
    except DatabaseError:
        return Finding(Health.DEGRADED, AWAY)
    if sentences:
        return Finding(Health.DEGRADED, " ".join(sentences))
    return Finding(Health.OK, "Every finished video is stored soon.")


def _refused() -> Iterator[str]:
    refused = _storing().exclude(storage_refusal="").order_by("generated_at", "id").annotate(count=Window(Count("pk")))
    if found := refused.values_list("pk", "storage_refusal", "count").first():
        job_id, refusal, count = found
        yield (
            f"The storage refuses finished videos: {count}. The oldest, {job_id}: {_in_short(refusal)}. Each is tried "
            f"again for {schedule.TRANSFER_GIVE_UP // 3600} hours; mend the account, the key, the clock or the disk."
        )


def _unstored() -> Iterator[str]:
    failed = unstored().order_by("completed_at", "id").annotate(count=Window(Count("pk")))
    if found := failed.values_list("pk", "provider_reply", "count").first():
        job_id, reply, count = found
        yield (
            f"Finished videos that failed in storing within two days: {count}. The oldest, {job_id}: "
            f"{_in_short(reply)}. The provider may still have them; see manage.py jobs resume --help."
        )


def _in_short(words: str) -> str:
    # the adapters have taken keys and signed URLs out of what is stored of a failure
    return " ".join(words.split())[:REASON_MAX]


def _late() -> Iterator[str]:
    since = from_now(-schedule.TRANSFER_LATE)
    late = (
        _storing()
        .filter(generated_at__lte=since, storage_refusal="")
        .order_by("generated_at", "id")
        .annotate(count=Window(Count("pk")))
    )
    oldest = late.values_list("pk", "generated_at", "provider_reply", "count").first()
    if oldest is None:
        return
    job_id, generated_at, reply, count = oldest
    assert generated_at  # so it was found
    minutes = round((timezone.now() - generated_at).total_seconds() / 60)
    yield (
        f"Jobs whose video can't be stored for more than {schedule.TRANSFER_LATE // 60} minutes: {count}. The oldest, "
        f"{job_id}, has been waiting for {minutes} minutes. Its last failure: {_in_short(reply)}"
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
