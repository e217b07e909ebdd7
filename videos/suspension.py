"""Upstreams that no longer have their model, or no longer let us in: counted, switched off, tried again daily.

A refusal counts for every row of the catalogue with that provider and upstream model, whichever public name it serves.
"""

import logging

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from studio.errors import NotFound
from videos.models import Upstream, VideoJob
from videos.providers import registry
from videos.providers.base import ProviderError, Refused

logger = logging.getLogger(__name__)

SUSPENDED_AFTER = 3  # refusals in a row: one may be a slip of the provider's, three are a state
# Codes that say something about the upstream, not about the video; the provider surely did not start.
CODES = frozenset({"model_unavailable", "provider_misconfigured"})
# Of them, those that another model behind the same key does not suffer from.
CODES_OF_THE_MODEL = frozenset({"model_unavailable"})
_REASONS = {
    "model_unavailable": "the provider says that it has no such model",
    "provider_misconfigured": "the provider does not let us in",
}


def concerns_upstream(exc: ProviderError) -> bool:
    """Whether this refusal of a submit says that the upstream itself is gone for us."""
    return isinstance(exc, Refused) and exc.code in CODES


def count_refusal(*, job: VideoJob, exc: ProviderError) -> None:
    """Count a refusal of the job's upstream; the third in a row suspends it.

    Call in the transaction that moves the job.
    """
    rows = list(_rows(job.provider, job.upstream_model).select_for_update().order_by("pk"))  # always in one order
    refusals = max((row.refusals for row in rows), default=0) + 1
    named = _rows(job.provider, job.upstream_model)
    named.update(refusals=min(refusals, 10_000))
    if refusals >= SUSPENDED_AFTER and any(row.suspended_at is None for row in rows):
        reason = f"{_REASONS[exc.code]} ({refusals} refusals in a row)"
        named.filter(suspended_at=None).update(suspended_at=timezone.now(), suspended_because=reason)
        where = {"provider": job.provider, "upstream_model": job.upstream_model, "reason": reason}
        transaction.on_commit(lambda: logger.error("upstream suspended", extra=where))


def count_acceptance(*, job: VideoJob) -> None:
    """The upstream has taken a job: what it refused before was not for good."""
    if job.provider in registry.PAID:
        _rows(job.provider, job.upstream_model).filter(refusals__gt=0).update(refusals=0)


def resume(*, provider: str, upstream_model: str) -> None:
    """Use a suspended upstream again. Raises NotFound where no suspended one has this name."""
    suspended = _rows(provider, upstream_model).exclude(suspended_at=None)
    if not suspended.update(suspended_at=None, suspended_because="", refusals=0, updated_at=timezone.now()):
        raise NotFound(f"{provider} has no suspended model {upstream_model}.")
    logger.info("upstream resumed", extra={"provider": provider, "upstream_model": upstream_model})


def resume_what_lives() -> None:
    """Ask each provider, free of charge, which of its suspended models it has; resume those."""
    suspended = Upstream.objects.exclude(suspended_at=None).order_by()
    for name, model in suspended.values_list("provider", "upstream_model").distinct():
        if name not in registry.configured():
            continue
        try:
            lives = registry.provider(name).has_model(model)
        except ProviderError as exc:
            logger.warning("upstream not probed", extra={"provider": name, "upstream_model": model, "reason": str(exc)})
            continue
        if lives:
            resume(provider=name, upstream_model=model)


def _rows(provider: str, upstream_model: str) -> QuerySet[Upstream]:
    return Upstream.objects.filter(provider=provider, upstream_model=upstream_model)
