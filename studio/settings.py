"""Every setting of the project. The environment is read here, through `studio.env`, and nowhere else."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

from studio import env, settings_file
from studio.api import documentation
from studio.backoffice import navigation

BASE_DIR = env.PROJECT
settings_file.load(BASE_DIR / ".env")
env.require_place()

ENVIRONMENT = env.choice("ENVIRONMENT", "development", among=("development", "production"))
PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.flag("DEBUG", default=False)
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).resolve()
HOST = env.text("HOST", "127.0.0.1")  # the address that `manage.py up` listens on
PORT = env.integer("PORT", 8000, least=1, most=65_535)
WEB_SLOTS = env.integer("WEB_SLOTS", 8, least=1, most=256)  # requests worked on at once by a process (studio.http.gate)
# Seconds from SIGTERM, and 503 from /readyz, until a web process takes no new connection: for balancers that probe.
STOP_DELAY_SECONDS = env.integer("STOP_DELAY_SECONDS", 0, most=120)

# -- Secrets: none has a default in production; in development they are made at first start, in DATA_DIR/secrets.
_MADE_IN = None if PRODUCTION else DATA_DIR / "secrets"
SECRET_KEY = env.secret("SECRET_KEY", least=50, made_in=_MADE_IN)
JWT_SIGNING_KEY = env.secret("JWT_SIGNING_KEY", least=64, made_in=_MADE_IN)  # 64: HS512 wants a key of its own length
# Keys that verify and do not sign: the next one before a rotation, the one before after it (docs/production.md).
SECRET_KEY_FALLBACKS = env.verifying_secrets(
    "SECRET_KEY_FALLBACKS", "SECRET_KEY_PREVIOUS", signing=("SECRET_KEY", SECRET_KEY), least=50
)
JWT_VERIFYING_KEYS = env.verifying_secrets(
    "JWT_VERIFYING_KEYS", "JWT_PREVIOUS_KEYS", signing=("JWT_SIGNING_KEY", JWT_SIGNING_KEY), least=64
)

# -- Apps
INSTALLED_APPS = [
    "studio.apps.StudioConfig",
    "accounts",
    "looks",
    "videos",
    "operations",
    "corsheaders",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_rq",
    "unfold",  # before the admin, whose templates it replaces
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "auditlog",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "studio.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "studio.http.request_metrics.TrafficMiddleware",
    # Outermost what every answer has, also one to a request that the next ones refuse.
    "studio.http.headers.SecurityHeadersMiddleware",
    "studio.http.requests.RequestIdMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "studio.http.base_path.BasePathMiddleware",  # before all that redirect: they write down the path that it has found
    "django.middleware.security.SecurityMiddleware",
    "studio.http.slow_clients.SlowClientsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.http.requests.BodyLengthMiddleware",
    "studio.http.compression.CompressionMiddleware",  # inside of what says the length
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # For the admin alone; what else it needs is added there, too.
    "studio.backoffice.middleware.SessionMiddleware",
    "studio.backoffice.middleware.CommonMiddleware",
    "studio.backoffice.middleware.CsrfViewMiddleware",
    "studio.backoffice.middleware.AuthenticationMiddleware",
    "accounts.sign_in.second_factor_gate.SecondFactorMiddleware",
    "studio.backoffice.queue_pages.QueuePagesGate",
    "studio.backoffice.middleware.MessageMiddleware",
    "studio.backoffice.middleware.AuditMiddleware",
]
ROOT_URLCONF = "studio.urls"
WSGI_APPLICATION = "studio.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# -- Where the site is. With BASE_PATH every URL that it hands out carries the prefix.
BASE_PATH = env.url_prefix("BASE_PATH")
FORCE_SCRIPT_NAME = BASE_PATH or None
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "*")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
_IS_BEHIND_PROXY = env.flag("TRUST_PROXY", default=False)
if _IS_BEHIND_PROXY:  # only behind a proxy that sets these headers itself
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True
# Without such a proxy all requests look like http, and a redirect would never end.
SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT", default=PRODUCTION and _IS_BEHIND_PROXY)
SECURE_REDIRECT_EXEMPT = [r"(^|/)(healthz|readyz|metrics)/?$"]  # asked by machines that stand behind the proxy
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)  # a year
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{BASE_PATH}/admin/"  # nothing else has sessions
SESSION_COOKIE_AGE = env.integer("ADMIN_SESSION_HOURS", 12, least=1, most=720) * 3600

CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOWED_ORIGIN_REGEXES = [] if PRODUCTION else [env.PRIVATE_ORIGIN]
CORS_ALLOW_HEADERS = [  # the last three: of a page that Sentry or OpenTelemetry traces
    *("authorization", "content-type", "idempotency-key", "if-none-match", "ngrok-skip-browser-warning"),
    *("x-request-id", "sentry-trace", "baggage", "traceparent"),
]
CORS_EXPOSE_HEADERS = ["Retry-After", "Location", "X-Request-ID", "Content-Disposition", "Content-Range", "ETag"]

# -- Database: SQLite in DATA_DIR unless DATABASE_URL says otherwise.
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL") or {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "db.sqlite3"}
}
DATABASES["default"]["CONN_MAX_AGE"] = 600  # seconds; a connection a request would cost more than the request
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a writer waits for its turn instead of failing half-way
        "timeout": 20,  # seconds to wait for that turn
        # FULL: an operation that was paid for is on the disk before we go on, whatever the machine does next.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=20000;",
    }
else:
    DATABASES["default"] |= {
        "ENGINE": "studio.db.postgresql",
        "CONN_HEALTH_CHECKS": True,
        # A pool that lends connections for a transaction each loses a cursor between two statements; long lists are
        # read by key (studio.db.batches).
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
    # What DATABASE_URL says itself wins. A connection whose other end has gone is given up after a minute at most: a
    # failover or a firewall that forgets connections says nothing, and TCP alone waits for two hours.
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 10,  # seconds
        "keepalives": 1,
        "keepalives_idle": 30,  # seconds without a word, then a probe
        "keepalives_interval": 10,  # seconds between probes
        "keepalives_count": 3,  # unanswered ones
        "tcp_user_timeout": 60_000,  # milliseconds for what was sent and not acknowledged; Linux
    } | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# -- Redis or Valkey: carries hints and the counters of throttles; may be lost at any time.
EMBEDDED_VALKEY = not env.redis_url("REDIS_URL")  # `manage.py up` then runs one
REDIS_URL = env.redis_url("REDIS_URL") or env.kept_url(DATA_DIR / "valkey" / "url") or "redis://localhost:6379/0"
# django-rq takes time-outs only in the URL. Seconds; for workers and the admin's pages of queues (requests have shorter
# ones, studio.brief_redis).
_REDIS_TIMEOUTS = "socket_connect_timeout=2&socket_timeout=5"
_REDIS = f"{REDIS_URL}{'&' if '?' in REDIS_URL else '?'}{_REDIS_TIMEOUTS}"
RQ_QUEUES = {
    "submit": {"URL": _REDIS, "DEFAULT_TIMEOUT": 180},  # seconds; above the lease of a step (videos.engine.schedule)
    "media": {"URL": _REDIS, "DEFAULT_TIMEOUT": 1800},
}
RQ = {"COMMIT_MODE": "auto"}  # videos.engine.hints waits for the commit itself
WORKER_THREADS = {
    "submit": env.integer("SUBMIT_THREADS", 4, least=1, most=64),
    "media": env.integer("MEDIA_THREADS", 16, least=1, most=256),
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _REDIS,
        "KEY_PREFIX": "studio",
    }
}

# -- Files
MEDIA_ROOT = DATA_DIR / "media"
FILE_UPLOAD_PERMISSIONS = None  # as the umask says; Django's default, 0644, is for every account of the machine
MEDIA_URL = f"{BASE_PATH}/media/"
X_ACCEL_REDIRECT = env.url_prefix("X_ACCEL_REDIRECT", example="/protected-media")  # nginx sends the files then
WORK_DIR = DATA_DIR / "work"  # files of transfers under way
STATIC_URL = f"{BASE_PATH}/static/"
STATIC_ROOT = env.text("STATIC_ROOT") or None  # only for collectstatic, which is not needed: see the next line
WHITENOISE_USE_FINDERS = True
STORAGES: dict[str, dict[str, Any]] = {
    # allow_overwrite: names come from ids, so a repeated step writes the same file again
    "default": {
        "BACKEND": "studio.media.storage.local.LocalStorage",
        "OPTIONS": {"allow_overwrite": True},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
_account = env.cloudinary_url("CLOUDINARY_URL")  # no setting called CLOUDINARY: its SDK would read that
_folder = {"folder": env.folder("CLOUDINARY_FOLDER", "ai-studio")}
# "former": where files of before a change of the setting are (studio.media.storage.previous).
if _account:
    STORAGES["former"] = STORAGES["default"]
    STORAGES["default"] = {
        "BACKEND": "studio.media.storage.cloudinary.CloudinaryStorage",
        "OPTIONS": _account | _folder,
    }
elif _previous := env.cloudinary_url("CLOUDINARY_PREVIOUS_URL"):
    STORAGES["former"] = {
        "BACKEND": "studio.media.storage.cloudinary.CloudinaryFolder",
        "OPTIONS": _previous | _folder,
    }
# Hosts from which files of an earlier system are read (studio.media.storage.external).
EXTERNAL_FILE_HOSTS = [host.lower() for host in env.words("EXTERNAL_FILE_HOSTS", "res.cloudinary.com")]
MIB = 1024 * 1024
IMAGE_MAX_BYTES = env.integer("IMAGE_MAX_MIB", 10, least=1, most=100) * MIB
IMAGE_MAX_PIXELS = env.integer("IMAGE_MAX_MEGAPIXELS", 50, least=1, most=500) * 1_000_000
REQUEST_MAX_PIXELS = env.integer("REQUEST_MAX_MEGAPIXELS", 150, least=1, most=5000) * 1_000_000  # of all its images
LOOK_IMAGE_MAX_SIDE = env.integer("LOOK_IMAGE_MAX_SIDE", 4096, least=256, most=16_384)  # pixels; larger is scaled down
# five images of a video job, and the form around them
REQUEST_MAX_BYTES = 5 * IMAGE_MAX_BYTES + 2 * MIB
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "studio.http.uploads.FileHandler",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = IMAGE_MAX_BYTES * 3 // 2  # of a form's texts: pictures belong into its files
DATA_UPLOAD_MAX_NUMBER_FILES = 60  # a look has its own picture and those of 50 products

# -- People and sign-in
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Wrong passwords, counted by accounts.sign_in.lockout in the database for both doors: the API and the back office.
AXES_FAILURE_LIMIT = env.integer("SIGN_IN_FAILURES", 10, least=1)  # for one account, from one address
SIGN_IN_ADDRESS_FAILURES = env.integer("SIGN_IN_ADDRESS_FAILURES", 100, least=1)  # an office may share an address
AXES_COOLOFF_TIME = timedelta(minutes=env.integer("SIGN_IN_LOCK_MINUTES", 15, least=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # an attacker must not keep the lock shut
AXES_HANDLER = "accounts.sign_in.lockout.FailureCount"
AXES_USERNAME_CALLABLE = "accounts.sign_in.lockout.account_tried"
AXES_CLIENT_IP_CALLABLE = "accounts.sign_in.lockout.address_tried"
AXES_ENABLE_ADMIN = False  # accounts.backoffice.security_admin has its page
AXES_DISABLE_ACCESS_LOG = True  # a row a sign-in, for ever, that nobody reads
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",  # its middleware: our form and our API answer in their own ways
    "security.W003",  # CSRF protection: studio.backoffice.middleware has it, for the admin
    "security.W005",  # HSTS for all subdomains, and ...
    "security.W021",  # ... in the browsers' own lists: for the domain's owner to decide, with HSTS_SUBDOMAINS
]
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
REQUIRE_STAFF_OTP = env.flag("REQUIRE_STAFF_OTP", default=False)
OTP_TOTP_ISSUER = "AI Studio"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # what new passwords get, and moved ones at the next sign-in
    "accounts.sign_in.hashers.MovedBcryptHasher",
]
REGISTRATION_OPEN = env.flag("REGISTRATION_OPEN", default=not PRODUCTION)  # it gives tokens away (videos.signup_cost)
SIGNUP_TOKENS = env.integer("SIGNUP_TOKENS", 100)
# Seconds by which the clocks of two machines may differ, for `iat` and `exp` of a token. NTP keeps clocks within
# milliseconds; a machine without it drifts by a second or two a day. `doctor` warns at half of it (clock_skew).
CLOCK_LEEWAY_SECONDS = 10
SIMPLE_JWT = {
    "ALGORITHM": "HS512",
    "LEEWAY": CLOCK_LEEWAY_SECONDS,
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_MINUTES", 60, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.integer("REFRESH_DAYS", 14, least=1)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends the sessions made with the old one
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": True,
}

# -- The API and its documentation
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.sign_in.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["studio.http.requests.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "studio.http.requests.JSONParser",
        "studio.http.requests.FormParser",
        "studio.http.requests.MultiPartParser",
    ],
    "DEFAULT_METADATA_CLASS": "studio.http.requests.NoMetadata",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "studio.http.requests.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "studio.api.paging.SkipLimitPagination",
    "DEFAULT_SCHEMA_CLASS": "studio.api.schema.StudioSchema",
    "EXCEPTION_HANDLER": "studio.api.views.handle_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.sign_in.throttles.PersonThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "sign-in-account": env.rate("SIGN_IN_RATE", "10/min"),
        "sign-in-address": env.rate("SIGN_IN_ADDRESS_RATE", "60/min"),
        "register": env.rate("REGISTER_RATE", "20/hour"),
        "token": env.rate("TOKEN_RATE", "120/min"),
        "request": env.rate("REQUEST_RATE", "600/min"),
        "create": env.rate("CREATE_RATE", "60/min"),
    },
    # how many proxies stand in front, so that a client can't choose its own address
    "NUM_PROXIES": env.integer("PROXY_COUNT", 0, most=10),
}
SPECTACULAR_SETTINGS = documentation.SPECTACULAR | {"SERVERS": [{"url": BASE_PATH or "/"}]}

# -- The back office
AUDITLOG_DISABLE_REMOTE_ADDR = True  # it believes any X-Forwarded-For; who it was is what counts
AUDITLOG_CID_GETTER = "studio.backoffice.audit.request_id"
UNFOLD = {
    "SITE_TITLE": "AI Studio",
    "SITE_HEADER": "AI Studio",
    "SITE_SYMBOL": "movie",
    "SITE_URL": "/docs",
    "LOGIN": {"form": "accounts.sign_in.admin_form.BackOfficeSignIn"},
    "ACCOUNT": {"navigation": [{"title": "Two-step sign-in", "link": reverse_lazy("second-factor")}]},
    "DASHBOARD_CALLBACK": "operations.dashboard.show",
    "SIDEBAR": navigation.SIDEBAR,
    "STYLES": [lambda request: static("studio/back_office.css")],
    "SCRIPTS": [lambda request: static("studio/back_office.js")],
}

# -- Video jobs
REFUND_POLICY = env.choice("REFUND_POLICY", "unstarted", among=("unstarted", "failed", "never"))
# How many days things are kept (operations.retention); 0 for ever. The ledger is, and so are videos that were paid for.
PURGE_DAILY = env.flag("PURGE_DAILY", default=PRODUCTION)  # the sweeper does what `manage.py purge --yes` does
PURGE_MOCK_DAYS = env.integer("PURGE_MOCK_DAYS", 30, most=36_500)
PURGE_LOG_DAYS = env.integer("PURGE_LOG_DAYS", 180, most=36_500)
PURGE_REPLY_DAYS = env.integer("PURGE_REPLY_DAYS", 180, most=36_500)
PURGE_SIGN_IN_DAYS = env.integer("PURGE_SIGN_IN_DAYS", 180, most=36_500)
PURGE_AUDIT_DAYS = env.integer("PURGE_AUDIT_DAYS", 730, most=36_500)
# Minutes a day for asking the storage for videos (operations.reconciliation); money takes an hour at most besides.
RECONCILE_FILES_MINUTES = env.integer("RECONCILE_FILES_MINUTES", 30, least=1, most=1200)
MOCK_VIDEO_SECONDS = env.integer("MOCK_VIDEO_SECONDS", 6, most=3600)
# What one member of staff may refund a day who has no right to operate jobs (videos.staff_actions).
SUPPORT_REFUND_TOKENS = env.integer("SUPPORT_REFUND_TOKENS", 500)

# -- Google. Each is optional: a provider without its key or project is not offered (videos.providers.registry).
GEMINI_API_KEY = env.text("GEMINI_API_KEY")  # for Veo and Omni on the Gemini API
VERTEX_API_KEY = env.text("VERTEX_API_KEY")  # an express key; with it, project and location are not used
VERTEX_PROJECT = env.text("VERTEX_PROJECT")  # signs in as Google's libraries do: GOOGLE_APPLICATION_CREDENTIALS …
VERTEX_LOCATION = env.text("VERTEX_LOCATION", "us-central1")
VERTEX_OMNI_LOCATION = env.text("VERTEX_OMNI_LOCATION", "global")
VERTEX_OUTPUT_GCS_URI = env.bucket("VERTEX_OUTPUT_GCS_URI")  # where Vertex leaves films; else in its replies
# A server that stands in for Google's, for tests. The SDK would read these by itself, but not for downloads.
GOOGLE_GEMINI_BASE_URL = env.http_url("GOOGLE_GEMINI_BASE_URL")
GOOGLE_VERTEX_BASE_URL = env.http_url("GOOGLE_VERTEX_BASE_URL")
PROVIDER_TIMEOUT_SECONDS = env.integer("PROVIDER_TIMEOUT_SECONDS", 60, least=1, most=90)  # below schedule.LEASE
PROVIDER_POLLS_PER_MINUTE = env.integer("PROVIDER_POLLS_PER_MINUTE", 0)  # 0: as often as videos.engine.schedule says
VIDEO_MAX_BYTES = env.integer("VIDEO_MAX_MIB", 500, least=1, most=10_000) * MIB

# -- For those who watch it. Each is off while it is unset (studio.observability.telemetry, operations.prometheus).
METRICS_TOKEN = env.text("METRICS_TOKEN")  # for /metrics; unset: no such page
SENTRY_DSN = env.sentry_dsn("SENTRY_DSN")
OTEL_EXPORTER_OTLP_ENDPOINT = env.http_url("OTEL_EXPORTER_OTLP_ENDPOINT")
env.needs("SENTRY_DSN", "sentry_sdk")
env.needs("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry")

# -- Time and language
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
FORMAT_MODULE_PATH = "studio.backoffice.formats"

# -- Logs: one event a line
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
        # a line for every hint says nothing that the job's own log does not
        "rq.worker": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        "axes": {"level": "ERROR"},  # it logs addresses of people; accounts.sign_in.lockout says what there is to say
        "django": {"level": "INFO", "handlers": [], "propagate": True},  # in place of Django's own handlers
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "urllib3.connectionpool": {"level": "ERROR"},  # warns that its pool is full whenever threads share it
        # At DEBUG or INFO these log whole URLs, some of them signed, headers with keys, or what is sent: prompts.
        **{
            name: {"level": "WARNING"}
            for name in (
                *("httpx", "httpcore", "httpx2", "httpcore2", "google", "google_genai"),
                *("urllib3", "requests", "django.db.backends"),
            )
        },
    },
}
