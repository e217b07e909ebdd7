"""Sign in with Google. Off while GOOGLE_CLIENT_IDS is unset."""

from studio import env

GOOGLE_CLIENT_IDS = env.google_client_ids("GOOGLE_CLIENT_IDS")  # the audiences of ID tokens that are accepted
GOOGLE_HOSTED_DOMAIN = env.text("GOOGLE_HOSTED_DOMAIN").lower()  # only accounts of this Workspace domain; "": all
STAFF_GOOGLE = env.flag("STAFF_GOOGLE", default=False)  # the admin's sign-in page offers it, too
# Google's discovery document names both: https://accounts.google.com/.well-known/openid-configuration (2026-11). The
# keys are also at the first one as X.509 certificates, the form that google-auth reads.
GOOGLE_CERTS_URL = env.http_url("GOOGLE_CERTS_URL") or "https://www.googleapis.com/oauth2/v1/certs"
GOOGLE_AUTHORIZATION_URL = env.http_url("GOOGLE_AUTHORIZATION_URL") or "https://accounts.google.com/o/oauth2/v2/auth"
env.requires("STAFF_GOOGLE", STAFF_GOOGLE, "GOOGLE_CLIENT_IDS", GOOGLE_CLIENT_IDS)
