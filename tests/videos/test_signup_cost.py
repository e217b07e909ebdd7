"""Registration is closed in production; where it is open, its cost is reported in dollars."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from studio.observability.health import Depth, Health, run_checks
from tests.running import manage
from videos import signup_cost
from videos.checks import open_registration_costs
from videos.models import Upstream

SECRETS = {"SECRET_KEY": "s" * 64, "JWT_SIGNING_KEY": "j" * 64, "ALLOWED_HOSTS": "studio.example.com"}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize(
    ("environment", "given", "is_open"),
    [
        ("production", "", False),
        ("production", "true", True),
        ("production", "false", False),
        ("development", "", True),
        ("development", "false", False),
    ],
)
def test_registration_is_closed_in_production_unless_opened(
    tmp_path: Path, environment: str, given: str, is_open: bool
) -> None:
    names = {"ENVIRONMENT": environment, "REGISTRATION_OPEN": given, "DATA_DIR": str(tmp_path), "DATABASE_URL": ""}
    code = "from django.conf import settings; print(settings.REGISTRATION_OPEN)"

    result = manage("shell", "-v0", "-c", code, **SECRETS, **names)

    assert result.stdout == f"{is_open}\n"


@pytest.mark.parametrize(
    ("rate", "expected"), [("20/hour", 20), ("2/min", 120), ("1/s", 3600), ("1/sec", 3600), ("48/day", 2)]
)
def test_rate_is_converted_to_an_hour(rate: str, expected: int) -> None:
    assert signup_cost.registrations_per_hour(rate) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rate", "tokens", "price", "cost"),
    [("20/hour", 100, "0.40", "$128.00"), ("1/min", 100, "0.40", "$384.00"), ("20/hour", 149, "0.10", "$32.00")],
)
def test_cost_follows_from_the_settings_and_the_catalogue(
    settings: Any, rate: str, tokens: int, price: str, cost: str
) -> None:
    settings.GEMINI_API_KEY, settings.REGISTRATION_OPEN, settings.SIGNUP_TOKENS = "a-key", True, tokens
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "register": rate}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    Upstream.objects.update(prices={"720p": price, "1080p": "0.01"}, durations={"720p": [4, 8], "1080p": [8]})

    (warned,) = open_registration_costs(None)
    found = run_checks(depth=Depth.THOROUGH)["registration"]

    assert signup_cost.highest_video_price() == 8 * Decimal(price)
    assert (warned.id, f"up to {cost} an hour" in warned.msg) == ("videos.W003", True)
    assert (found.health, found.sentence) == (Health.OK, warned.msg)


@pytest.mark.django_db
def test_unknown_price_is_reported(settings: Any) -> None:
    settings.GEMINI_API_KEY, settings.REGISTRATION_OPEN = "a-key", True
    Upstream.objects.update(prices={})

    assert signup_cost.warning().endswith("The catalogue has no price for them.")


@pytest.mark.django_db
@pytest.mark.parametrize(("is_open", "key", "tokens"), [(False, "a-key", 100), (True, "", 100), (True, "a-key", 49)])
def test_no_warning_where_registration_costs_nothing(settings: Any, is_open: bool, key: str, tokens: int) -> None:
    settings.REGISTRATION_OPEN, settings.GEMINI_API_KEY, settings.SIGNUP_TOKENS = is_open, key, tokens

    assert open_registration_costs(None) == []
    assert run_checks(depth=Depth.THOROUGH)["registration"].health == Health.OK
