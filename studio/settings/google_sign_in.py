"""Sign in with Google. Off while GOOGLE_CLIENT_IDS is unset."""

import re

from studio import env

GOOGLE_CLIENT_IDS = env.words("GOOGLE_CLIENT_IDS")  # an ID token must be for one of them
GOOGLE_HOSTED_DOMAIN = env.text("GOOGLE_HOSTED_DOMAIN").lower()  # only accounts of this Workspace domain; "": all
STAFF_GOOGLE = env.flag("STAFF_GOOGLE", default=False)  # the admin's sign-in page offers it, too
# Google's discovery document names the second URL: https://accounts.google.com/.well-known/openid-configuration
# (2026-11). The first one has the keys as X.509 certificates, the form that google-auth reads.
GOOGLE_CERTS_URL = env.http_url("GOOGLE_CERTS_URL") or "https://www.googleapis.com/oauth2/v1/certs"
GOOGLE_AUTHORIZATION_URL = env.http_url("GOOGLE_AUTHORIZATION_URL") or "https://accounts.google.com/o/oauth2/v2/auth"

if not all(re.fullmatch(r"[\w.-]+\.apps\.googleusercontent\.com", client_id) for client_id in GOOGLE_CLIENT_IDS):
    # without the values: one may be a client secret
    raise env.BadEnvironment(
        "GOOGLE_CLIENT_IDS should have the form 123-abc.apps.googleusercontent.com, comma separated."
    )
if STAFF_GOOGLE and not GOOGLE_CLIENT_IDS:
    raise env.BadEnvironment("STAFF_GOOGLE is true, but GOOGLE_CLIENT_IDS is not set; set both, or neither.")
