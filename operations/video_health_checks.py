"""Health checks of video jobs: providers, models, transfers, lost responses; for `/readyz` and `doctor`."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q, QuerySet, Window
from django.utils import timezone

from operations.file_moves import health_check
from operations.health_checks import NO_DATABASE
from operations.reconciliation import runs
from studio.observability import health
from studio.observability.health import Depth, Finding, Health
from videos import retirements, signup_cost
from videos.catalogue import why_unused
from videos.checks import rejecting_providers
from videos.engine import schedule
from videos.failures import ADOPTABLE, RESUMABLE
from videos.models import VideoJob, from_now
from videos.phases import Phase
from videos.providers import registry
from videos.providers.base import ProviderError
from videos.webhooks import delivery

WEBHOOKS_LATE = timedelta(minutes=10)  # ten leases: the message of a dead worker is repeated before
REASON_MAX = 200  # characters of a provider's message in a sentence


def register_all() -> None:
    """Register the checks that `/readyz` runs and, with a depth, those of `doctor` only."""
    health.register("providers", _providers)
    health.register("models", _models)
    health.register("transfers", transfers)
    health.register("webhooks", webhooks)
    health.register("reconciliation", runs.check)
    health.register("registration", _registration, depth=Depth.THOROUGH)
    health.register("lost answers", _unknown, depth=Depth.THOROUGH)
    health.register("previous files", health_check.finding, depth=Depth.THOROUGH)
    health.register("google", _access, depth=Depth.THOROUGH)
    health.register("upstream models", _probe, depth=Depth.PROBE)


def _providers() -> Finding:
    configured = sorted(registry.configured())
    if not configured:
        health = Health.DEGRADED if settings.PRODUCTION else Health.OK
        return Finding(health, "No provider is configured: only mockMode=true works. Set GEMINI_API_KEY or VERTEX_….")
    try:
        if names := rejecting_providers():
            return Finding(
                Health.DEGRADED, f"{', '.join(names)} rejects our key or project; jobs fail and are refunded."
            )
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    return Finding(Health.OK, f"Configured: {', '.join(configured)}.")


def _registration() -> Finding:
    """Never a fault, since registration is opened on purpose; the sentence says what that can cost."""
    try:
        sentence = signup_cost.warning()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    state = "open; new accounts can pay for no video" if settings.REGISTRATION_OPEN else "closed"
    return Finding(Health.OK, sentence or f"Registration is {state}.")


def lost_responses() -> int:
    """The number of failed jobs that the provider may have made and billed, and that staff can still adopt."""
    recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
    return VideoJob.objects.filter(phase=Phase.FAILED, error_code__in=ADOPTABLE, completed_at__gt=recently).count()


def _unknown() -> Finding:
    try:
        count = lost_responses()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if count:
        return Finding(
            Health.DEGRADED,
            f"{count} in two days: the provider may have billed them ({', '.join(sorted(ADOPTABLE))}); "
            "see manage.py adopt_operation --help.",
        )
    return Finding(Health.OK, "None in two days.")


def _storing() -> QuerySet[VideoJob]:
    """Jobs whose video is generated and was not stored at the first attempt."""
    # every live row has a due_at; named here for the index
    return VideoJob.objects.filter(phase=Phase.STORING, due_at__isnull=False, attempts__gt=0)


def late_transfers() -> QuerySet[VideoJob]:
    """Jobs whose generated video has not been stored for ten minutes, or is refused by the storage."""
    return _storing().filter(Q(generated_at__lte=from_now(-schedule.TRANSFER_LATE)) | ~Q(storage_refusal=""))


def unstored() -> QuerySet[VideoJob]:
    """Jobs of two days that failed while storing; the provider may still have the video that we paid for."""
    recently = timezone.now() - timedelta(seconds=schedule.POLL_GIVE_UP)
    failed = VideoJob.objects.filter(phase=Phase.FAILED, error_code__in=RESUMABLE, completed_at__gt=recently)
    return failed.exclude(result="")


def transfers() -> Finding:
    """Check that every generated video is stored; a refusal counts at once, other failures once they are late."""
    try:
        sentences = [*_refused(), *_late(), *_unstored()]
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if sentences:
        return Finding(Health.DEGRADED, " ".join(sentences))
    return Finding(Health.OK, "Generated videos are stored in time.")


def webhooks() -> Finding:
    """Check that messages to webhooks are sent in time; receivers that fail are their owners' matter."""
    try:
        since = delivery.overdue_since()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if since and timezone.now() - since > WEBHOOKS_LATE:
        minutes = int((timezone.now() - since).total_seconds() // 60)
        return Finding(
            Health.DEGRADED, f"A message to a webhook has waited for {minutes} minutes. Is `rqworker webhooks` running?"
        )
    return Finding(Health.OK, "Messages are sent in time.")


def _refused() -> Iterator[str]:
    refused = _storing().exclude(storage_refusal="").order_by("generated_at", "id").annotate(count=Window(Count("pk")))
    if found := refused.values_list("pk", "storage_refusal", "count").first():
        job_id, refusal, count = found
        yield (
            f"The storage refuses generated videos: {count}. The oldest, {job_id}: {_shortened(refusal)}. Each is "
            f"retried for {schedule.TRANSFER_GIVE_UP // 3600} hours; check account, key, clock and disk."
        )


def _unstored() -> Iterator[str]:
    failed = unstored().order_by("completed_at", "id").annotate(count=Window(Count("pk")))
    if found := failed.values_list("pk", "provider_reply", "count").first():
        job_id, reply, count = found
        yield (
            f"Generated videos whose jobs failed while storing, in two days: {count}. The oldest, "
            f"{job_id}: {_shortened(reply)}. The provider may still have them; see manage.py jobs resume --help."
        )


def _shortened(message: str) -> str:
    # adapters have redacted keys and signed URLs
    return " ".join(message.split())[:REASON_MAX]


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
    assert generated_at  # the query filters by it
    minutes = round((timezone.now() - generated_at).total_seconds() / 60)
    yield (
        f"Generated videos not stored for more than {schedule.TRANSFER_LATE // 60} minutes: {count}. The oldest, "
        f"{job_id}, has waited {minutes} minutes. Its last failure: {_shortened(reply)}"
    )


def _access() -> Finding:
    """Send each configured provider a request that costs nothing."""
    failures = []
    for name in sorted(registry.configured()):
        try:
            registry.provider(name).probe()
        except ProviderError as exc:
            failures.append(f"{name}: {exc}")
    if failures:
        return Finding(Health.DOWN, f"{'; '.join(failures)}. See GEMINI_API_KEY and VERTEX_… in the environment.")
    names = ", ".join(sorted(registry.configured()))
    return Finding(Health.OK, f"Access granted by {names}." if names else "Not configured.")


def _models() -> Finding:
    """Check that every offered model has an upstream that stays, and that none is suspended."""
    try:
        warnings = retirements.warnings()
    except DatabaseError:
        return Finding(Health.DEGRADED, NO_DATABASE)
    if warnings:
        return Finding(Health.DEGRADED, f"{' '.join(warnings)} See manage.py models.")
    return Finding(Health.OK, "No upstream of an offered model retires soon.")


def _probe() -> Finding:
    """Ask the providers which of the catalogue's upstream models exist now."""
    found: dict[str, list[str]] = {"there": [], "gone": [], "unknown": []}
    is_one_missing = False
    for upstream, state in retirements.probe():
        found[state].append(f"{upstream.provider}: {upstream.upstream_model}")
        is_one_missing |= state != "there" and not why_unused(upstream)
    sentence = " ".join(f"{state.capitalize()}: {', '.join(names)}." for state, names in found.items() if names)
    return Finding(Health.DEGRADED if is_one_missing else Health.OK, sentence or "No provider is configured.")
