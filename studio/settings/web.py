"""The web process, the URL it is reached under, HTTPS, cookies and CORS."""

from studio import env
from studio.http.base_path import FOR_MACHINES
from studio.settings.base import PRODUCTION

HOST = env.text("HOST", "127.0.0.1")  # the address that `manage.py up` listens on
PORT = env.integer("PORT", 8000, least=1, most=65_535)
# Requests of a process at once (studio.http.active_requests); WEB_SLOTS until 1.0.
WEB_MAX_ACTIVE_REQUESTS = env.integer("WEB_MAX_ACTIVE_REQUESTS", 8, least=1, most=256, older_name="WEB_SLOTS")
# Seconds between SIGTERM, when /readyz turns 503, and the last new connection: time for load balancers to notice.
STOP_DELAY_SECONDS = env.integer("STOP_DELAY_SECONDS", 0, most=120)

BASE_PATH = env.url_prefix("BASE_PATH")  # a prefix of every URL that the server generates
FORCE_SCRIPT_NAME = BASE_PATH or None
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "*")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
_IS_BEHIND_PROXY = env.flag("TRUST_PROXY", default=False)
if _IS_BEHIND_PROXY:  # only behind a proxy that sets these headers itself
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
# Without that header every request seems to be plain HTTP, and the redirect would loop.
SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT", default=PRODUCTION and _IS_BEHIND_PROXY)
SECURE_REDIRECT_EXEMPT = [rf"(^|/){path[1:]}/?$" for path in FOR_MACHINES]  # requested from behind the proxy
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)  # a year
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{BASE_PATH}/admin/"  # only the admin has sessions
SESSION_COOKIE_AGE = env.integer("ADMIN_SESSION_HOURS", 12, least=1, most=720) * 3600

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOWED_ORIGIN_REGEXES = [] if PRODUCTION else [env.PRIVATE_ORIGIN]
CORS_ALLOW_HEADERS = [  # the last three are sent by pages that Sentry or OpenTelemetry traces
    *("authorization", "content-type", "idempotency-key", "if-none-match", "last-event-id"),
    *("ngrok-skip-browser-warning", "x-request-id", "sentry-trace", "baggage", "traceparent"),
]
CORS_EXPOSE_HEADERS = ["Retry-After", "Location", "X-Request-ID", "Content-Disposition", "Content-Range", "ETag"]
