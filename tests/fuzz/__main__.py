"""`make fuzz`: schemathesis against the whole product, as a user and as an admin, for FUZZ_MINUTES in all.

FUZZ_SEED, which a run prints, repeats it. The exit status is 1 if it found a failure.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("DATABASE_URL", "")

import httpx

from tests.running import RunningStudio, wait_for

MINUTES = float(os.environ.get("FUZZ_MINUTES") or 10)
SEED = int(os.environ.get("FUZZ_SEED") or random.randrange(2**31))
CONFIG = Path(__file__).with_name("schemathesis.toml")
# No request may be rate-limited: that would hide its other failures.
ENVIRONMENT = {
    "MOCK_VIDEO_SECONDS": "1",
    "GEMINI_API_KEY": "not-a-key",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9",  # no server listens there: only mock jobs succeed
    "GOOGLE_CLIENT_IDS": "1-a.apps.googleusercontent.com",
    "GOOGLE_CERTS_URL": "http://127.0.0.1:9/certs",  # as above: every ID token is refused
    "SIGN_IN_FAILURES": "1000000",
    "SIGN_IN_ADDRESS_FAILURES": "1000000",
    "SIGN_IN_RATE": "1000000/min",
    "SIGN_IN_ADDRESS_RATE": "1000000/min",
    "REGISTER_RATE": "1000000/min",
    "TOKEN_RATE": "1000000/min",
    "REQUEST_RATE": "1000000/min",
    "CREATE_RATE": "1000000/min",
    "MAIL_RATE": "1000000/min",
    "MAIL_ADDRESS_RATE": "1000000/min",
}

OF_A_WEBHOOK = ("getWebhook", "updateWebhook", "testWebhook", "rotateWebhookSecret", "listWebhookDeliveries")
# All requests are sent in one session. tests/fuzz/test_schema.py fuzzes these, with a token that needs none.
ENDS_SESSION = ("deleteMe", "endSessions", "endSession")


def known_ids(client: httpx.Client) -> str:
    """A video, its look and a webhook, as configuration: with made-up ids schemathesis would see little but 404."""
    look = client.post("/api/v1/looks", json={"title": "Stone Essence"}).json()["id"]
    form = {"mockMode": True, "prompt": "A red dress", "lookId": look}
    job = client.post("/api/v1/video-jobs", json=form).json()["id"]
    wait_for(client, [job], seconds=120)
    hook = client.post("/api/v1/webhooks", json={"url": "https://hooks.example.com/"}).json()["id"]
    table = '[[operations]]\ninclude-operation-id = "{}"\nparameters = {{ "path.id" = "{}"{} }}\n'
    both = f', "path.look_id" = "{look}"'
    return "".join(
        [
            table.format("getLook", look, ""),
            table.format("updateLook", look, ""),
            table.format("getVideoJob", job, ""),
            table.format("downloadVideo", job, ""),
            table.format("setDefaultVideo", job, both),
            table.format("unsetDefaultVideo", job, both),
            *(table.format(name, hook, "") for name in OF_A_WEBHOOK),
            *(f'[[operations]]\ninclude-operation-id = "{name}"\nenabled = false\n' for name in ENDS_SESSION),
        ]
    )


def fuzz(studio: RunningStudio, email: str, *, staff: bool, seed: int) -> int:
    """Fuzz as one user for half of the time; returns schemathesis' exit status."""
    client = studio.client(email, tokens=1_000_000_000, staff=staff)
    config = studio.folder / f"{email}.toml"
    config.write_text(f"{CONFIG.read_text()}\n{known_ids(client)}")
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
            *("run", f"{studio.url}/openapi.json", "-H", f"Authorization: {client.headers['Authorization']}"),
            *("--max-time", str(int(MINUTES * 60 / 2)), "--seed", str(seed), "--max-examples", "1000"),
            *sys.argv[1:],
        ],
        check=False,
        timeout=MINUTES * 60 / 2 + 300,
    ).returncode


def main() -> int:
    """Start the product, and fuzz it as both users."""
    print(f"FUZZ_SEED={SEED} FUZZ_MINUTES={MINUTES:g}", flush=True)
    with tempfile.TemporaryDirectory(prefix="studio-fuzz-") as folder:
        studio = RunningStudio(Path(folder), **ENVIRONMENT)
        try:
            statuses = [
                fuzz(studio, "user@example.com", staff=False, seed=SEED),
                fuzz(studio, "admin@example.com", staff=True, seed=SEED + 1),
            ]
        finally:
            studio.stop()
        before, traceback, after = studio.output().partition("Traceback")
        if traceback:
            print(f"{before[-2_000:]}{traceback}{after[:18_000]}")
            statuses.append(1)
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
