"""The plain way's settings: the same tables, Django's own middleware, DRF and simplejwt as they come."""

from studio import env
from studio.settings import *  # noqa: F403 - the same tables, keys and files
from studio.settings import SIMPLE_JWT

ROOT_URLCONF = "benchmarks.reference.urls"
MIDDLEWARE = [  # as `django-admin startproject` writes it
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
DATABASES = {"default": (env.database("DATABASE_URL") or {}) | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "benchmarks.reference.paging.SkipLimit",
}
SIMPLE_JWT = SIMPLE_JWT | {"CHECK_REVOKE_TOKEN": False, "UPDATE_LAST_LOGIN": False}
