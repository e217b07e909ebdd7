"""Estimates the cost of open registration: new accounts get tokens, which pay for real videos."""

from decimal import Decimal
from typing import Any

from django.conf import settings

from videos.catalogue import DURATIONS_SECONDS, usable_upstreams
from videos.limits import VIDEO_PRICE_TOKENS
from videos.models import Upstream, VideoModel, price_in
from videos.providers import registry

# how often each period of a rate fits into an hour
PERIODS_PER_HOUR: dict[str, Decimal | int] = {"s": 3600, "sec": 3600, "min": 60, "hour": 1, "day": Decimal(1) / 24}


def warning() -> str:
    """A sentence for operators; "" if registration is closed or no video costs anything.

    Raises DatabaseError, because prices are in the catalogue.
    """
    videos = settings.SIGNUP_TOKENS // VIDEO_PRICE_TOKENS
    if not settings.REGISTRATION_OPEN or not registry.configured() or not videos:
        return ""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    accounts = registrations_per_hour(rates["register"])
    sentence = (
        f"Registration is open: from each network address {accounts:,.0f} accounts an hour, each with "
        f"{settings.SIGNUP_TOKENS:,} tokens for {videos:,} videos"
    )
    price = highest_video_price()
    if price is None:
        return f"{sentence}. The catalogue has no price for them."
    cost = accounts * videos * price
    return f"{sentence} of up to ${price:,.2f}: up to ${cost:,.2f} an hour for each address, at your expense."


def registrations_per_hour(rate: str) -> Decimal:
    """Registrations that one address may make in an hour at a rate such as 20/hour."""
    count, _, period = rate.partition("/")
    return Decimal(count) * PERIODS_PER_HOUR[period]


def highest_video_price() -> Decimal | None:
    """The price in US dollars of the most expensive video that clients can request now; None if no price is known."""
    models = VideoModel.objects.filter(is_offered=True).prefetch_related("upstreams")
    prices = [price for model in models for upstream in usable_upstreams(model) for price in _prices(upstream)]
    return max(prices, default=None)


def _prices(upstream: Upstream) -> list[Decimal]:
    return [
        price * seconds
        for resolution, lengths in upstream.durations.items()
        for seconds in set(lengths) & set(DURATIONS_SECONDS)
        if (price := price_in(upstream.prices, resolution))
    ]
