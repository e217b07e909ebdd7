"""Warns before the last upstream of an offered model retires, and lists suspended upstreams."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from videos.catalogue import usable_upstreams
from videos.models import Upstream, VideoModel
from videos.providers import registry
from videos.providers.base import ProviderError

logger = logging.getLogger(__name__)

# Days before the last upstream retires at which health checks and the dashboard begin to warn, and the log once a day.
WARN_DAYS = 30
LEVELS = {3: logging.ERROR, 14: logging.WARNING, WARN_DAYS: logging.INFO}  # of the log, by days left
NEVER = float("inf")


@dataclass(frozen=True)
class Retirement:
    """When the last upstream of a model retires. `days_left` is 0 without a usable upstream, NEVER without a date."""

    days_left: float
    retires_on: date | None = None
    successors: tuple[str, ...] = ()

    def warning(self, names: list[str]) -> str:
        """A sentence for staff about the models with these names; "" if no warning is due."""
        if self.days_left > WARN_DAYS:
            return ""
        models = ", ".join(names)
        if not self.days_left:
            return f"No upstream generates videos of {models}."
        successor = f"; its successor is {' or '.join(self.successors)}" if self.successors else ""
        return f"The last upstream of {models} retires on {self.retires_on}, in {self.days_left:.0f} days{successor}."


def by_model() -> dict[str, Retirement]:
    """The retirement of every offered model; empty if no paid provider is configured, as the mock never retires."""
    if not registry.configured():
        return {}
    models = VideoModel.objects.filter(is_offered=True).order_by("position", "name").prefetch_related("upstreams")
    return {model.name: _retirement(model) for model in models}


def _models_by_retirement() -> dict[Retirement, list[str]]:
    """Grouped, because most models end with the same upstream."""
    names: dict[Retirement, list[str]] = {}
    for name, retirement in by_model().items():
        names.setdefault(retirement, []).append(name)
    return names


def _retirement(model: VideoModel) -> Retirement:
    usable = usable_upstreams(model)
    dates = [upstream.retires_on for upstream in usable if upstream.retires_on]
    if not usable:
        return Retirement(0)
    if len(dates) < len(usable):
        return Retirement(NEVER)
    last = max(dates)
    successors = {upstream.successor for upstream in usable if upstream.successor}
    return Retirement((last - timezone.now().date()).days, last, tuple(sorted(successors)))


def warnings() -> list[str]:
    """Sentences for staff on models that retire soon or have retired, and on suspended upstreams."""
    suspensions = [
        f"{upstream.provider}: {upstream.upstream_model} is suspended since {upstream.suspended_at:%Y-%m-%d}: "
        f"{upstream.suspended_because}."
        for upstream in suspended()
    ]
    retirements = (retirement.warning(names) for retirement, names in _models_by_retirement().items())
    return [*filter(None, retirements), *suspensions]


def suspended() -> list[Upstream]:
    """One row for each suspended upstream that would be used otherwise, whichever models it serves."""
    rows = Upstream.objects.filter(is_enabled=True, provider__in=registry.configured()).exclude(suspended_at=None)
    today = timezone.now().date()
    found = {
        (row.provider, row.upstream_model): row for row in rows if not (row.retires_on and row.retires_on <= today)
    }
    return [found[key] for key in sorted(found)]


def log_warnings() -> None:
    """Log every warning; the sweeper calls this once a day."""
    for retirement, names in _models_by_retirement().items():
        if sentence := retirement.warning(names):
            level = next(level for days, level in LEVELS.items() if retirement.days_left <= days)
            logger.log(level, "model.ending", extra={"sentence": sentence})
    for upstream in suspended():
        labels = {"provider": upstream.provider, "upstream_model": upstream.upstream_model}
        logger.error("upstream.still_suspended", extra=labels | {"reason": upstream.suspended_because})


def days_left() -> dict[str, float]:
    """Days until each offered model retires, for `/metrics`."""
    return {name: retirement.days_left for name, retirement in by_model().items()}


def suspended_count() -> float:
    """The number of suspended upstreams, for `/metrics`."""
    return len(suspended())


def probe() -> Iterator[tuple[Upstream, str]]:
    """Ask the configured providers for each upstream model: one row of it, and "there", "gone" or "unknown"."""
    rows = Upstream.objects.filter(provider__in=registry.configured()).order_by("provider", "upstream_model", "pk")
    for upstream in {(row.provider, row.upstream_model): row for row in rows}.values():
        try:
            exists = registry.provider(upstream.provider).has_model(upstream.upstream_model)
            yield upstream, "there" if exists else "gone"
        except ProviderError as exc:
            logger.warning("upstream.probe_failed", extra={"provider": upstream.provider, "reason": str(exc)})
            yield upstream, "unknown"
