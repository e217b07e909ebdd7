"""Short names for the outcomes of failures, and how tests check them."""

from typing import Any

import pytest
from pytest_django import Settings

from videos.failures import FAILURES
from videos.providers.base import (
    NotAccepted,
    NotCharged,
    OutcomeUnknown,
    ProbablyNotAccepted,
    ProviderError,
    Refused,
    Unreachable,
)

Outcome = tuple[type[ProviderError], str]

BUSY: Outcome = (NotAccepted, "provider_busy")
IN_DOUBT: Outcome = (ProbablyNotAccepted, "provider_busy")
QUOTA: Outcome = (NotAccepted, "provider_quota")
REFUSED: Outcome = (Refused, "provider_refused")
MISCONFIGURED: Outcome = (Refused, "provider_misconfigured")
RETIRED: Outcome = (Refused, "model_unavailable")
UNKNOWN: Outcome = (OutcomeUnknown, "submission_unknown")
AGAIN: Outcome = (Unreachable, "result_expired")
FILTERED: Outcome = (Refused, "content_filtered")
FAILED: Outcome = (Refused, "generation_failed")
FREE: Outcome = (NotCharged, "generation_failed")
LOST: Outcome = (Refused, "operation_lost")
STALLED: Outcome = (Refused, "generation_stalled")
NOT_HERE: Outcome = (Refused, "not_in_region")
GONE: Outcome = (Refused, "result_expired")
UNREADABLE_YET: Outcome = (Unreachable, "result_unreadable")
UNREADABLE: Outcome = (Refused, "result_unreadable")

SILENT = {"hang", "stall", "drip"}


def cases(table: dict[str, Any]) -> list[Any]:
    """The names of a table's rows; those that wait for a time-out are slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow if row[0]["fault"] in SILENT else ()) for name, row in table.items()
    ]


def be_impatient(fault: dict[str, Any], settings: Settings) -> None:
    """Shorten the time-out if the test waits for it; otherwise a busy machine must not run into it."""
    if fault["fault"] in SILENT:
        settings.PROVIDER_TIMEOUT_SECONDS = 1


def failed(error: pytest.ExceptionInfo[ProviderError]) -> Outcome:
    assert error.value.code in FAILURES
    return type(error.value), error.value.code
