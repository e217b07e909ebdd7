"""Mails to users: the server that sends them, their sender, and the pages that their links lead to."""

from studio import env, mail_url
from studio.settings.base import DATA_DIR, PRODUCTION
from studio.settings.web import BASE_PATH, HOST, PORT

_url = env.text("EMAIL_URL")
MAIL_IS_CONFIGURED = bool(_url) or not PRODUCTION
_server = mail_url.server("EMAIL_URL", _url) if _url else mail_url.MailServer(folder=DATA_DIR / "mail")
EMAIL_BACKEND = f"django.core.mail.backends.{'filebased' if _server.folder else 'smtp'}.EmailBackend"
EMAIL_FILE_PATH = str(_server.folder) if _server.folder else None
EMAIL_HOST, EMAIL_PORT = _server.host, _server.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _server.user, _server.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _server.starttls, _server.implicit_tls
# Seconds for each wait on the server: for the connection, and for each of its replies.
EMAIL_TIMEOUT = env.integer("EMAIL_TIMEOUT_SECONDS", 20, least=1, most=60)
# In development, without a server, a log line also has the link of each mail.
LOG_MAIL_LINKS = not PRODUCTION and not _url

_sender = env.text("EMAIL_FROM", "" if PRODUCTION else "AI Studio <studio@localhost>")
DEFAULT_FROM_EMAIL = mail_url.sender("EMAIL_FROM", _sender)
_LOCAL = HOST if HOST not in {"127.0.0.1", "0.0.0.0", "::1", "::"} else "localhost"  # noqa: S104 - compared only
FRONTEND_URL = env.http_url("FRONTEND_URL")  # the pages /reset-password and /verify-email
if PRODUCTION and MAIL_IS_CONFIGURED and not (DEFAULT_FROM_EMAIL and FRONTEND_URL):
    raise env.BadEnvironment(
        "EMAIL_URL is set, and EMAIL_FROM or FRONTEND_URL is not; they should have the forms "
        "AI Studio <studio@example.com> and https://app.example.com."
    )
FRONTEND_URL = FRONTEND_URL or f"http://{_LOCAL}:{PORT}{BASE_PATH}"

REQUIRE_VERIFIED_EMAIL = env.flag("REQUIRE_VERIFIED_EMAIL", default=False)
if REQUIRE_VERIFIED_EMAIL and not MAIL_IS_CONFIGURED:
    raise env.BadEnvironment("REQUIRE_VERIFIED_EMAIL needs EMAIL_URL: without mails no user can verify an address.")
PASSWORD_RESET_TIMEOUT = 3600  # seconds for which the links of mails work
