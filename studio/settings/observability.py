"""Metrics, error reports, traces and logs. Each of the first three is off while its variable is unset."""

from studio import env
from studio.settings.base import PRODUCTION

METRICS_TOKEN = env.text("METRICS_TOKEN")  # the bearer token of /metrics, which is not found while this is unset
SENTRY_DSN = env.sentry_dsn("SENTRY_DSN")
OTEL_EXPORTER_OTLP_ENDPOINT = env.http_url("OTEL_EXPORTER_OTLP_ENDPOINT")
env.needs("SENTRY_DSN", "sentry_sdk")
env.needs("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry")

LOG_FORMAT = env.choice("LOG_FORMAT", "json" if PRODUCTION else "line", among=("line", "json"))
LOGGING_CONFIG = "studio.observability.log.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {LOG_FORMAT: {"()": f"studio.observability.log.{LOG_FORMAT.capitalize()}Formatter"}},
    "filters": {"client-errors": {"()": "studio.observability.log.ClientErrors"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["client-errors"]},
    },
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("LOG_LEVEL", "INFO", among=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    },
    "loggers": {
        "rq.worker": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},  # else a line per hint
        "axes": {"level": "ERROR"},  # it logs e-mail addresses; accounts.sign_in.lockout logs the lockouts
        "django": {"level": "INFO", "handlers": [], "propagate": True},  # in place of Django's own handlers
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "urllib3.connectionpool": {"level": "ERROR"},  # it warns of a full pool whenever threads share it
        # At DEBUG or INFO these log signed URLs, headers with keys, or the prompts that are sent.
        **{
            name: {"level": "WARNING"}
            for name in (
                *("httpx", "httpcore", "httpx2", "httpcore2", "google", "google_genai"),
                *("urllib3", "requests", "django.db.backends"),
            )
        },
    },
}
