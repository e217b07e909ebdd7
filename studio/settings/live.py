"""The live process: where it listens, and where clients reach it and the web process."""

from studio import env
from studio.settings.base import PRODUCTION
from studio.settings.web import PORT

LIVE_PORT = env.integer("LIVE_PORT", PORT + 1 if PORT < 65_535 else PORT - 1, least=1, most=65_535)  # on HOST
# Origins, such as https://live.example.com; ":8001" is that port of the host that the client has used, and "" the
# client's own origin: a proxy then leads the URLs of the live process there.
LIVE_URL = env.origin_or_port("LIVE_URL", "" if PRODUCTION else f":{LIVE_PORT}")
WEB_URL = env.origin_or_port("WEB_URL", "" if PRODUCTION else f":{PORT}")
LIVE_MAX_STREAMS = env.integer("LIVE_MAX_STREAMS", 5_000, least=1, most=100_000)  # of a process
# In place of MIDDLEWARE and ROOT_URLCONF: what of them concerns requests without a body, and responses of the API.
# Nothing is compressed: an event has to leave at once, and a job is small.
LIVE_MIDDLEWARE = [
    "studio.http.headers.SecurityHeadersMiddleware",
    "studio.http.request_id.RequestIdMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "studio.http.base_path.BasePathMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "videos.live.bodies.NoBodyMiddleware",
]
LIVE_URLCONF = "videos.live.urls"
