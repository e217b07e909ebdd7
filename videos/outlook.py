"""How long the offered models last: warns before the last upstream of one retires, and lists what is suspended."""

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

# From so many days before the last upstream retires, checks and the dashboard warn, and the log does once a day.
WARN_DAYS = 30
LEVELS = {3: logging.ERROR, 14: logging.WARNING, WARN_DAYS: logging.INFO}  # of the log, by days left
FOR_EVER = float("inf")


@dataclass(frozen=True)
class Outlook:
    """What becomes of an offered model. `days_left` is 0 where nobody makes its videos, FOR_EVER without a date."""

    days_left: float
    retires_on: date | None = None
    successors: tuple[str, ...] = ()

    def warning(self, names: list[str]) -> str:
        """A sentence for staff about the models of these names; "" where all is well."""
        if self.days_left > WARN_DAYS:
            return ""
        models = ", ".join(names)
        if not self.days_left:
            return f"No upstream makes videos of {models}."
        successor = f"; its successor is {' or '.join(self.successors)}" if self.successors else ""
        return f"The last upstream of {models} retires on {self.retires_on}, in {self.days_left:.0f} days{successor}."


def outlooks() -> dict[str, Outlook]:
    """Of every offered model; none where no paid provider is configured, since there are mock videos only."""
    if not registry.configured():
        return {}
    models = VideoModel.objects.filter(is_offered=True).order_by("position", "name").prefetch_related("upstreams")
    return {model.name: _outlook(model) for model in models}


def _same() -> dict[Outlook, list[str]]:
    """The names of the models that share an outlook: most end with the same upstream."""
    names: dict[Outlook, list[str]] = {}
    for name, outlook in outlooks().items():
        names.setdefault(outlook, []).append(name)
    return names


def _outlook(model: VideoModel) -> Outlook:
    living = usable_upstreams(model)
    dates = [upstream.retires_on for upstream in living if upstream.retires_on]
    if not living:
        return Outlook(0)
    if len(dates) < len(living):
        return Outlook(FOR_EVER)
    last = max(dates)
    successors = {upstream.successor for upstream in living if upstream.successor}
    return Outlook((last - timezone.now().date()).days, last, tuple(sorted(successors)))


def warnings() -> list[str]:
    """Sentences for staff: models that end soon or have ended, and upstreams that are suspended."""
    suspensions = [
        f"{upstream.provider}: {upstream.upstream_model} is suspended since {upstream.suspended_at:%Y-%m-%d}: "
        f"{upstream.suspended_because}."
        for upstream in suspended()
    ]
    return [*filter(None, (outlook.warning(names) for outlook, names in _same().items())), *suspensions]


def suspended() -> list[Upstream]:
    """One row for each suspended upstream, whichever public names it serves, that would be used otherwise."""
    rows = Upstream.objects.filter(is_enabled=True, provider__in=registry.configured()).exclude(suspended_at=None)
    today = timezone.now().date()
    found = {
        (row.provider, row.upstream_model): row for row in rows if not (row.retires_on and row.retires_on <= today)
    }
    return [found[key] for key in sorted(found)]


def announce() -> None:
    """Log every warning; the sweeper does so once a day."""
    for outlook, names in _same().items():
        if sentence := outlook.warning(names):
            level = next(level for days, level in LEVELS.items() if outlook.days_left <= days)
            logger.log(level, "model.ending", extra={"sentence": sentence})
    for upstream in suspended():
        where = {"provider": upstream.provider, "upstream_model": upstream.upstream_model}
        logger.error("upstream.still_suspended", extra=where | {"reason": upstream.suspended_because})


def days_left() -> dict[str, float]:
    """By public name, for `/metrics`."""
    return {name: outlook.days_left for name, outlook in outlooks().items()}


def suspended_count() -> float:
    """For `/metrics`."""
    return len(suspended())


def probe() -> Iterator[tuple[Upstream, str]]:
    """One row of each upstream model of the configured providers, and whether it is "there", "gone" or "unknown"."""
    rows = Upstream.objects.filter(provider__in=registry.configured()).order_by("provider", "upstream_model", "pk")
    for upstream in {(row.provider, row.upstream_model): row for row in rows}.values():
        try:
            yield (
                upstream,
                "there" if registry.provider(upstream.provider).has_model(upstream.upstream_model) else "gone",
            )
        except ProviderError as exc:
            logger.warning("upstream.probe_failed", extra={"provider": upstream.provider, "reason": str(exc)})
            yield upstream, "unknown"
