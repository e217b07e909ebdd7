"""Pytest plugin: sets the environment of the suite before Django reads its settings.

`TEST_DATABASE` is `sqlite` (default) or `postgres`; `DATABASE_URL`, when set, names another PostgreSQL. Each
process has a Valkey of its own, and its files in a folder of its own.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from operations.local.valkey import Valkey
from tests.postgres import PostgresServer

DATA_DIR = Path(tempfile.mkdtemp(prefix="studio-test-"))


def _postgres_url() -> str:
    """A server that pip installed, with its files in this run's folder."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(DATA_DIR))  # where the package keeps its locks
    server = PostgresServer(DATA_DIR / "postgres")
    atexit.register(server.stop)
    return server.url


def _database_url() -> str:
    if os.environ.get("TEST_DATABASE", "sqlite") == "sqlite":
        return ""
    # pytest-xdist's workers inherit the servers of the first process
    return os.environ.get("DATABASE_URL") or _postgres_url()


valkey = Valkey(folder=DATA_DIR / "valkey")
valkey.start()
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
atexit.register(valkey.stop)

os.environ.setdefault("TEST_RUN_DIR", str(DATA_DIR))  # pytest-xdist's workers inherit it
os.environ.update(
    ENVIRONMENT="development",
    DATA_DIR=str(DATA_DIR),
    DATABASE_URL=_database_url(),
    REDIS_URL=valkey.url,
    MOCK_VIDEO_SECONDS="1",
    GOOGLE_CLIENT_IDS="web.apps.googleusercontent.com,phone.apps.googleusercontent.com",
    GOOGLE_CERTS_URL="http://127.0.0.1:9/certs",  # the discard port: nothing listens
    STAFF_GOOGLE="true",
)
# A developer's shell or .env must not change the outcome.
for name in [
    "BASE_PATH",
    "REFUND_POLICY",
    "REGISTRATION_OPEN",
    "CLOUDINARY_URL",
    "CLOUDINARY_FOLDER",
    "GEMINI_API_KEY",
    "GOOGLE_AUTHORIZATION_URL",
    "GOOGLE_HOSTED_DOMAIN",
    "GOOGLE_API_KEY",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "PROVIDER_POLLS_PER_MINUTE",
    "PROVIDER_TIMEOUT_SECONDS",
    "VERTEX_API_KEY",
    "VERTEX_PROJECT",
    "VERTEX_LOCATION",
    "VERTEX_OMNI_LOCATION",
    "VERTEX_OUTPUT_GCS_URI",
    "WEBHOOK_ALLOW_PRIVATE",
    "CORS_ALLOWED_ORIGINS",
    "ALLOWED_HOSTS",
    "LOG_LEVEL",
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "EMAIL_URL",
    "EMAIL_FROM",
    "FRONTEND_URL",
    "REQUIRE_VERIFIED_EMAIL",
    "SENTRY_DSN",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
]:
    os.environ[name] = ""
