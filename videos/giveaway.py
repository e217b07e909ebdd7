"""What open registration can cost: a new account has tokens, and real videos are made for them at our expense."""

from decimal import Decimal
from typing import Any

from django.conf import settings

from videos.catalogue import DURATIONS_SECONDS, usable_upstreams
from videos.limits import VIDEO_JOB_TOKENS
from videos.models import Upstream, VideoModel, price_in
from videos.providers import registry

# Times an hour, by the period of a rate.
AN_HOUR: dict[str, Decimal | int] = {"s": 3600, "sec": 3600, "min": 60, "hour": 1, "day": Decimal(1) / 24}


def warning() -> str:
    """A sentence for those who run the deployment; "" where registration is closed, or no video costs anything.

    Raises DatabaseError: prices are in the catalogue.
    """
    videos = settings.SIGNUP_TOKENS // VIDEO_JOB_TOKENS
    if not settings.REGISTRATION_OPEN or not registry.configured() or not videos:
        return ""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    accounts = registrations_an_hour(rates["register"])
    sentence = (
        f"Registration is open: from each network address {accounts:,.0f} accounts an hour, each with "
        f"{settings.SIGNUP_TOKENS:,} tokens for {videos:,} videos"
    )
    dearest = dearest_video()
    if dearest is None:
        return f"{sentence}, whose price the catalogue does not know."
    cost = accounts * videos * dearest
    return f"{sentence} of up to ${dearest:,.2f}: up to ${cost:,.2f} an hour of an address, at your expense."


def registrations_an_hour(rate: str) -> Decimal:
    """Of one address, by a rate such as 20/hour."""
    count, _, period = rate.partition("/")
    return Decimal(count) * AN_HOUR[period]


def dearest_video() -> Decimal | None:
    """US dollars of the dearest video that can be asked for now; None where no price is known."""
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
