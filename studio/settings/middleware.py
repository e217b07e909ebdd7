"""The middleware, in order: of every request, and of the back office."""

MIDDLEWARE = [
    "studio.http.request_metrics.TrafficMiddleware",
    # These come before all that may refuse a request: every response has their headers.
    "studio.http.headers.SecurityHeadersMiddleware",
    "studio.http.request_id.RequestIdMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "studio.http.base_path.BasePathMiddleware",  # before all that redirect: they use the path that it sets
    "django.middleware.security.SecurityMiddleware",
    "studio.http.slow_clients.SlowClientsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "studio.http.bodies.BodyLengthMiddleware",
    "studio.media.middleware.DecodeBudgetMiddleware",
    "studio.http.compression.CompressionMiddleware",  # inside BodyLengthMiddleware, which sets Content-Length
    "studio.backoffice.middleware.BackOfficeMiddleware",  # runs the next list, for /admin/
]
BACK_OFFICE_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",  # appends slashes
    "studio.backoffice.middleware.WholeFormCsrfMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sign_in.second_factor_middleware.SecondFactorMiddleware",
    "studio.backoffice.queue_pages.QueuePagesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "studio.backoffice.audit.AuditMiddleware",
]
