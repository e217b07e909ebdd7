"""Redis or Valkey, and the queues. It holds hints and rate-limit counters only, and may be lost at any time."""

from studio import env
from studio.settings.base import DATA_DIR

EMBEDDED_VALKEY = not env.redis_url("REDIS_URL")  # `manage.py up` then starts one
REDIS_URL = env.redis_url("REDIS_URL") or env.stored_url(DATA_DIR / "valkey" / "url") or "redis://localhost:6379/0"
# Seconds, in the URL because django-rq takes time-outs nowhere but there. For workers and for the admin's queue pages;
# requests have shorter ones (studio.redis_client).
_TIMEOUTS = "socket_connect_timeout=2&socket_timeout=5"
_URL = f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}{_TIMEOUTS}"
RQ_QUEUES = {
    "submit": {"URL": _URL, "DEFAULT_TIMEOUT": 180},  # seconds; longer than a lease (videos.engine.schedule)
    "media": {"URL": _URL, "DEFAULT_TIMEOUT": 1800},
    "webhooks": {"URL": _URL, "DEFAULT_TIMEOUT": 180},
}
# videos.engine.hints waits for the commit itself
RQ = {"COMMIT_MODE": "auto", "WORKER_CLASS": "videos.worker.ThreadWorker"}
WORKER_THREADS = {
    "submit": env.integer("SUBMIT_THREADS", 4, least=1, most=64),
    "media": env.integer("MEDIA_THREADS", 16, least=1, most=256),
    "webhooks": env.integer("WEBHOOK_THREADS", 16, least=1, most=256),
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _URL,
        "KEY_PREFIX": "studio",
    }
}
