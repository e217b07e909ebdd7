"""Shortens the engine's intervals, so that leases run out within seconds; their order stays."""

from importlib import import_module
from typing import Any

PROVIDER_SECONDS = 4  # a call to Google
RECEIVER_SECONDS = 1.0  # an attempt to deliver a webhook's message
LEASE_SECONDS = 5.0  # longer, also on a busy machine, than a call
ADOPTION_SECONDS = 12.0  # longer than every lease and back-off here, as the hour is in production

FAST: dict[str, dict[str, Any]] = {
    "videos.engine.schedule": {
        "LEASE": LEASE_SECONDS,
        "TRANSFER_LEASE": 3,
        "RENEWAL": 1,
        "REHINT": 2,
        "TAKE_AFTER": 1,
        "SCAN_EVERY": 0.5,
        "SUBMIT_BACKOFF": (1, 1, 2, 4, 8),
        "DOUBTFUL_PAUSE": 1,
        "TICK": 0.1,
        "FIRST_POLL": 1,
        "POLL_EVERY": 1,
        "TRANSFER_BACKOFF": (1, 1, 2, 2),
    },
    "videos.engine.sweeper": {"OUTAGE_SECONDS": 0.3},
    "operations.housekeeping": {"ROUND_SECONDS": 0.5, "PROMPT_SECONDS": 0.2},
    "videos.webhooks.client": {"SECONDS": RECEIVER_SECONDS, "CONNECT_SECONDS": 1},
    # more attempts than kills and faults can spoil
    "videos.webhooks.schedule": {"LEASE": 4, "TURN": 0.5, "BACKOFF": (0.5,) * 60, "ATTEMPTS_MOST": 61},
    "videos.providers.google_omni": {"FIRST_POLL_SECONDS": 0.2},
    "studio.media.storage.disposal": {"ADOPTION_SECONDS": ADOPTION_SECONDS, "RETRY_SECONDS": (1, 1, 2)},
}


def quicken(**overrides: Any) -> None:
    """Set every interval; `overrides` replace values of `videos.engine.schedule` for a scenario."""
    for module_name, values in FAST.items():
        module = import_module(module_name)
        for name, value in (values | (overrides if module_name == "videos.engine.schedule" else {})).items():
            if not hasattr(module, name):
                raise AttributeError(f"{module_name} no longer has {name}")
            setattr(module, name, value)
