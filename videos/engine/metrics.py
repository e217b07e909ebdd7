"""The metrics of video jobs. Every process counts; declaring them here makes `/metrics` list all of them."""

from collections.abc import Iterator

from django.db import models, transaction

from studio.db.statements import Param, Statement
from studio.observability.counters import Metric
from videos.failures import FAILURES
from videos.models import Upstream, VideoJob, price_in
from videos.phases import Phase
from videos.providers.base import (
    Finished,
    NotAccepted,
    ProbablyNotAccepted,
    Progress,
    ProviderError,
    Refused,
)
from videos.providers.registry import PAID, PROVIDERS

# The failures that adapters raise, by step and kind, with their codes. Others are counted too, but their series begins
# with the first event, in which Prometheus sees no increase.
ERRORS: dict[str, dict[str, tuple[str, ...]]] = {
    "submit": {
        "NotAccepted": ("provider_busy", "provider_quota"),
        "ProbablyNotAccepted": ("provider_busy",),
        "OutcomeUnknown": ("submission_unknown",),
        "Refused": ("provider_refused", "provider_misconfigured", "model_unavailable", "content_filtered"),
    },
    "poll": {
        "Unreachable": ("result_expired",),
        "NotCharged": ("generation_failed",),
        "Refused": (
            *("generation_failed", "content_filtered", "generation_stalled", "operation_lost", "not_in_region"),
            *("result_unreadable", "provider_misconfigured", "provider_quota", "provider_busy"),
        ),
    },
    "transfer": {
        "Unreachable": ("result_expired", "result_unreadable"),
        "Refused": ("result_expired", "result_unreadable", "invalid_video"),
    },
}


def _errors() -> Iterator[tuple[str, ...]]:
    for provider in PROVIDERS:
        for step, kinds in ERRORS.items():
            yield from ((provider, step, kind, code) for kind, codes in kinds.items() for code in codes)


def _ends() -> Iterator[tuple[str, ...]]:
    yield Phase.SUCCEEDED.value, ""
    yield from ((Phase.FAILED.value, code) for code in FAILURES)


def _priced() -> set[tuple[str, ...]]:
    """The upstreams of paid providers; a few dozen rows."""
    return set(Upstream.objects.filter(provider__in=PAID).values_list("provider", "upstream_model"))


# seconds; a video takes from 11 s to 6 min, and two days at worst
JOB_SECONDS = (10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 3600, 14_400, 172_800)
TRANSFER_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
TRANSFER_BYTES = tuple(1_000_000 * size for size in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500))

CREATED = Metric("studio_jobs_created_total", "Video jobs that were created and paid for", {"provider": PROVIDERS})
SUBMITS = Metric(
    "studio_submits_total",
    "Submits to a provider, by outcome",
    {"provider": PROVIDERS, "outcome": ("accepted", "not_accepted", "in_doubt", "refused", "unknown")},
)
POLLS = Metric(
    "studio_polls_total",
    "Polls of a provider, by result",
    {"provider": PROVIDERS, "outcome": ("progress", "finished", "refused", "unreachable")},
)
PROVIDER_ERRORS = Metric(
    "studio_provider_errors_total",
    "Failures of providers, by step, kind and code of failure",
    {"provider": PROVIDERS, "step": ("submit", "poll", "transfer"), "error": (), "code": ()},
    series=_errors,
)
DONE = Metric(
    "studio_jobs_finished_total",
    "Video jobs that ended, by phase and error code; the code is empty for a success",
    {"phase": (), "code": ()},
    series=_ends,
)
SECONDS_TO_VIDEO = Metric(
    "studio_job_seconds",
    "Successful video jobs, by the time from the request to the stored video",
    {"provider": PROVIDERS},
    buckets=JOB_SECONDS,
)
TRANSFERS = Metric(
    "studio_transfer_seconds",
    "Transfers of a finished video from the provider to the storage, by duration",
    {"outcome": ("stored", "failed")},
    buckets=TRANSFER_SECONDS,
)
BYTES = Metric("studio_transfer_bytes", "Stored videos, by size", {"provider": PROVIDERS}, buckets=TRANSFER_BYTES)
DIFFERENCES = Metric(
    "studio_delivered_differently_total",
    "Stored videos that differ from their request, by what differs",
    {"provider": PROVIDERS, "what": ("length", "aspect_ratio")},
)
DOLLARS = Metric(
    "studio_provider_dollars_total",
    "Cost of delivered videos at the providers, by the prices of the catalogue",
    {"provider": (), "model": ()},
    series=_priced,
)
WEBHOOKS = Metric(
    "studio_webhook_attempts_total",
    "Attempts to deliver a webhook's message, by outcome",
    {"outcome": ("delivered", "failed", "given_up")},
)


def count_submit(job: VideoJob, outcome: ProviderError | None) -> None:
    """Count a paid call by its outcome; None means accepted."""
    words = {NotAccepted: "not_accepted", ProbablyNotAccepted: "in_doubt", Refused: "refused"}
    SUBMITS.add(job.provider, words.get(type(outcome), "unknown") if outcome else "accepted")
    if outcome:
        count_error(job, "submit", outcome)


def count_poll(job: VideoJob, result: Progress | Finished | ProviderError) -> None:
    """Count a poll by its result."""
    if isinstance(result, ProviderError):
        POLLS.add(job.provider, "unreachable" if result.retryable else "refused")
        count_error(job, "poll", result)
    else:
        POLLS.add(job.provider, "finished" if isinstance(result, Finished) else "progress")


def count_error(job: VideoJob, step: str, exc: ProviderError) -> None:
    """Count a failure of the provider in a step."""
    PROVIDER_ERRORS.add(job.provider, step, type(exc).__name__, exc.code)


def count_cost(job: VideoJob) -> None:
    """Count the price of a video that the provider has just finished. Call in the transaction that stores this."""
    if job.generated_at:  # adopted after a failed transfer, and counted before that
        return
    row = _PRICES.row(provider=job.provider, upstream=job.upstream_model, model=job.model)
    if row and (price := price_in(row[0], job.resolution)):
        dollars = float(price) * job.duration_seconds
        transaction.on_commit(lambda: DOLLARS.add(job.provider, job.upstream_model, amount=dollars))


_PRICES = Statement(
    lambda: Upstream.objects.filter(
        provider=Param("provider", models.CharField()),
        upstream_model=Param("upstream", models.CharField()),
        model__name=Param("model", models.CharField()),
    ).values_list("prices")
)


def count_difference(job: VideoJob, what: str) -> None:
    """Count a stored video that differs from its request. Call in the transaction that stores it."""
    transaction.on_commit(lambda: DIFFERENCES.add(job.provider, what))


def count_end(phase: str, code: str) -> None:
    """Count a job that has reached one of phases.TERMINAL. Call in the transaction that moves it."""
    transaction.on_commit(lambda: DONE.add(phase, code))
