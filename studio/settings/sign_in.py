"""Users, passwords, lockout, two-step sign-in, registration and tokens."""

from datetime import timedelta

from studio import env
from studio.settings.base import JWT_SIGNING_KEY, PRODUCTION

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
# accounts.sign_in.lockout counts wrong passwords in the database, for the API and for the back office together.
AXES_FAILURE_LIMIT = env.integer("SIGN_IN_FAILURES", 10, least=1)  # per account and client IP
SIGN_IN_ADDRESS_FAILURES = env.integer("SIGN_IN_ADDRESS_FAILURES", 100, least=1)  # per IP, which an office shares
AXES_COOLOFF_TIME = timedelta(minutes=env.integer("SIGN_IN_LOCK_MINUTES", 15, least=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # an attacker must not be able to prolong the lockout
AXES_HANDLER = "accounts.sign_in.lockout.FailureCount"
AXES_USERNAME_CALLABLE = "accounts.sign_in.lockout.account_tried"
AXES_CLIENT_IP_CALLABLE = "accounts.sign_in.lockout.client_ip_tried"
AXES_ENABLE_ADMIN = False  # accounts.backoffice.security_admin has its page
AXES_DISABLE_ACCESS_LOG = True  # it would keep a row per sign-in for ever
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = [  # it keeps the form of a refused sign-in; of these, only the names
    *("email", "username", "next", "state", "idToken", "id_token", "googleIdToken", "google_id_token"),
]
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
REQUIRE_STAFF_OTP = env.flag("REQUIRE_STAFF_OTP", default=False)
OTP_TOTP_ISSUER = "AI Studio"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # for new passwords, and for imported ones at the next sign-in
    "accounts.sign_in.hashers.ImportedBcryptHasher",
]
REGISTRATION_OPEN = env.flag("REGISTRATION_OPEN", default=not PRODUCTION)  # tokens cost money: videos.signup_cost
SIGNUP_TOKENS = env.integer("SIGNUP_TOKENS", 100)
# Days for which a hash of a deleted account's address is kept: a new account of it gets no SIGNUP_TOKENS.
DELETED_ADDRESS_DAYS = env.integer("DELETED_ADDRESS_DAYS", 365, most=36_500)
# Seconds by which the clocks of two machines may differ, for `iat` and `exp` of a token. NTP keeps clocks within
# milliseconds; without it a machine drifts by a second or two a day. `doctor` warns at half of it (clock_skew).
CLOCK_LEEWAY_SECONDS = 10
# Seconds in which a refresh token that was just used gives the same new pair again: two tabs, or a lost response.
# Later it counts as stolen. Supabase Auth has the same default (reuse interval, read on 2026-11-30).
REFRESH_REUSE_SECONDS = env.integer("REFRESH_REUSE_SECONDS", 10, most=300)
SIMPLE_JWT = {
    "ALGORITHM": "HS512",
    "LEEWAY": CLOCK_LEEWAY_SECONDS,
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_MINUTES", 60, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.integer("REFRESH_DAYS", 14, least=1)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,  # a new password ends the sessions that the old one started
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": True,
}
