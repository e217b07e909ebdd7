"""Installed apps, templates, and the system checks that are silenced."""

from studio.settings.base import BASE_DIR

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
            ],
            "libraries": {"fields": "studio.site.fields"},
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS = [
    *("admin.E408", "admin.E409", "admin.E410"),  # what the admin needs of MIDDLEWARE is in BACK_OFFICE_MIDDLEWARE
    "axes.W002",  # axes' middleware is not used: the sign-in form and the API send the responses
    "security.W002",  # no framing: studio.http.headers
    "security.W003",  # CSRF protection: the admin has it, by BACK_OFFICE_MIDDLEWARE
    "security.W005",  # HSTS for all subdomains, and ...
    "security.W021",  # ... preloading: the domain's owner decides, with HSTS_SUBDOMAINS
]
