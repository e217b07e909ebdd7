"""The WSGI application of the web process."""

import os

from django.core.wsgi import get_wsgi_application

from studio.observability import telemetry

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
application = get_wsgi_application()
from studio import urls  # noqa: E402, F401 - loads all views now, and not at the first request

telemetry.start(process="web")
