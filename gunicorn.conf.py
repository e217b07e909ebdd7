"""How gunicorn serves the site, under `manage.py up` and under the Procfile alike."""

import ctypes
import os
import signal
import sys
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

from django.conf import settings
from gunicorn import glogging

from studio.env import BadEnvironment
from studio.tether import PR_SET_PDEATHSIG

try:
    bind = f"[{settings.HOST}]:{settings.PORT}" if ":" in settings.HOST else f"{settings.HOST}:{settings.PORT}"
except BadEnvironment as exc:
    sys.exit(f"Cannot start: {exc}")

worker_class = "gthread"
workers = 2
threads = 8
keepalive = 75  # seconds; above the idle time-outs usual in proxies, so that they close first
graceful_timeout = 30  # seconds for requests under way when it is asked to end
control_socket_disable = True  # it would lie in the home directory, one for all copies


class Log(glogging.Logger):
    """Gunicorn's log, with the path as it was sent: a decoded one may hold line breaks."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> dict[str, Any]:
        """What the format may name; `U` without the query."""
        return {**super().atoms(resp, req, environ, request_time), "U": req.uri.partition("?")[0]}


logger_class = Log
accesslog = "-"
access_log_format = "%(m)s %(U)s %(s)s %(M)sms"  # no query, no addresses


def post_fork(server: Any, worker: Any) -> None:
    """A worker dies with the process that would replace it, and lets go of the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
