"""Suspends upstreams that no longer have their model or no longer accept our credentials, and retries them daily.

A refusal counts for every row of the catalogue with that provider and upstream model, whichever models they serve.
"""

import logging
from collections.abc import Callable

from django.db import DatabaseError, models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from studio.db.statements import Param, Statement
from videos.models import Upstream, VideoJob
from videos.providers import registry
from videos.providers.base import ProviderError, Refused

logger = logging.getLogger(__name__)

SUSPENDED_AFTER = 3  # refusals in a row: one may be the provider's mistake
# Codes that concern the upstream, not the video; the provider certainly did not start.
CODES = frozenset({"model_unavailable", "provider_misconfigured"})
# The codes among CODES that do not affect other models behind the same key.
CODES_OF_THE_MODEL = frozenset({"model_unavailable"})
_REASONS = {
    "model_unavailable": "the provider says that it does not have this model",
    "provider_misconfigured": "the provider rejects our credentials",
}


def concerns_upstream(exc: ProviderError) -> bool:
    """Whether this failure of a submit is about the upstream, not about the video."""
    return isinstance(exc, Refused) and exc.code in CODES


def count_refusal(*, job: VideoJob, exc: ProviderError) -> None:
    """Count a refusal of the job's upstream; the third in a row suspends it.

    Call in the transaction that moves the job.
    """
    rows = _locked(job.provider, job.upstream_model)
    refusals = max((row.refusals for row in rows), default=0) + 1
    named = _rows(job.provider, job.upstream_model)
    named.update(refusals=min(refusals, 10_000))
    if refusals >= SUSPENDED_AFTER and any(row.suspended_at is None for row in rows):
        reason = f"{_REASONS[exc.code]} ({refusals} refusals in a row)"
        named.filter(suspended_at=None).update(suspended_at=timezone.now(), suspended_because=reason)
        extra = {"provider": job.provider, "upstream_model": job.upstream_model, "reason": reason}
        transaction.on_commit(lambda: logger.error("upstream.suspended", extra=extra))


def count_acceptance(*, job: VideoJob) -> None:
    """Reset the refusals of an upstream that accepted a job. Raises nothing, because the job is already submitted."""
    try:
        if _REFUSED.row(provider=job.provider, upstream_model=job.upstream_model):
            with transaction.atomic():
                _locked(job.provider, job.upstream_model)
                _rows(job.provider, job.upstream_model).update(refusals=0)
    except DatabaseError as exc:
        logger.warning("acceptance.count_failed", extra={"job_id": job.pk, "reason": str(exc)})


# Read after every accepted submit, so that only a change takes a lock: SQLite has one lock for all writers.
_REFUSED = Statement(
    lambda: (
        Upstream.objects.filter(
            provider=Param("provider", models.CharField()),
            upstream_model=Param("upstream_model", models.CharField()),
            refusals__gt=0,
        )
        .order_by()
        .values_list("pk")
    )
)


def resume(*, provider: str, upstream_model: str) -> bool:
    """Use a suspended upstream again; False if it is not suspended."""
    with transaction.atomic():
        _locked(provider, upstream_model)
        suspended = _rows(provider, upstream_model).exclude(suspended_at=None)
        resumed = suspended.update(suspended_at=None, suspended_because="", refusals=0, updated_at=timezone.now())
    if resumed:
        logger.info("upstream.resumed", extra={"provider": provider, "upstream_model": upstream_model})
    return bool(resumed)


def resume_available(*, check_stopped: Callable[[], None]) -> None:
    """Ask each provider, free of charge, which of its suspended models it has, and resume those.

    `check_stopped` is called before each request, and raises if the process is stopping.
    """
    suspended = Upstream.objects.exclude(suspended_at=None).filter(provider__in=registry.configured()).order_by()
    for name, model in list(suspended.values_list("provider", "upstream_model").distinct()):
        check_stopped()
        try:
            exists = registry.provider(name).has_model(model)
        except Exception as exc:  # even a bug in one adapter must not keep the others from being resumed
            logger.warning(
                "upstream.probe_failed", extra={"provider": name, "upstream_model": model, "reason": str(exc)}
            )
            continue
        if exists:
            resume(provider=name, upstream_model=model)


def _rows(provider: str, upstream_model: str) -> QuerySet[Upstream]:
    return Upstream.objects.filter(provider=provider, upstream_model=upstream_model)


def _locked(provider: str, upstream_model: str) -> list[Upstream]:
    """The rows of the upstream, locked in one order until the transaction ends."""
    return list(_rows(provider, upstream_model).select_for_update().order_by("pk"))
